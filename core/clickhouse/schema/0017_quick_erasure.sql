-- A part of the hash of each distinct id. An erasure looks for it first and reads the distinct ids themselves, which take five times as
-- long, only where it finds it; the count that has to find nothing reads nothing else. Events of a day and a name are in the order
-- of the hash, so 2.9 bytes of it are left. Parts from before have it made of the distinct id at every look: 0018 has a better hash,
-- and takes this one away afterwards.
ALTER TABLE events ADD COLUMN IF NOT EXISTS
    id_hash UInt32 MATERIALIZED toUInt32(bitShiftRight(cityHash64(distinct_id), 32)) CODEC(Delta, T64, LZ4);
-- The hashes of `ids_to_erase`, in memory only, as all that follows.
CREATE TABLE IF NOT EXISTS id_hashes_to_erase (
    id_hash UInt32
)
ENGINE = Set
SETTINGS persistent = 0;
CREATE MATERIALIZED VIEW IF NOT EXISTS ids_to_erase_hashed TO id_hashes_to_erase
AS SELECT toUInt32(bitShiftRight(cityHash64(distinct_id), 32)) AS id_hash FROM ids_to_erase;
-- Where an erasure has found events, and the parts in which it has looked for them (core.clickhouse.places).
CREATE TABLE IF NOT EXISTS rows_to_erase (
    run UUID,
    project_id Int64,
    distinct_id String,
    part LowCardinality(String),
    place UInt64
)
ENGINE = Memory;
CREATE TABLE IF NOT EXISTS parts_searched (
    part String
)
ENGINE = Memory;
