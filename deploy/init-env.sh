#!/bin/sh
# Makes the file .env of docker-compose.yml, with new secrets. Refuses to replace one: the stores would not know the
# new passwords.
set -eu
cd "${1:-$(dirname "$0")/..}"
if [ -e .env ]; then
    echo "error: $(pwd)/.env is there already; its passwords are those of the data. Nothing was changed." >&2
    exit 1
fi

secret() {
    od -An -N24 -tx1 /dev/urandom | tr -d ' \n'
}

umask 077
cat >.env.new <<END
PERSONS_API_SECRET_KEY=$(secret)
POSTGRES_PASSWORD=$(secret)
CLICKHOUSE_PASSWORD=$(secret)
VALKEY_PASSWORD=$(secret)
PERSONS_API_METRICS_TOKEN=$(secret)
PERSONS_API_BIND=127.0.0.1
PERSONS_API_PORT=8000
PERSONS_API_TRUST_PROXY=false
END
mv .env.new .env
echo "made $(pwd)/.env; keep a copy in a safe place"
