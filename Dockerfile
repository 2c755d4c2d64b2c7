# One image for every role: `persons-api web`, `worker QUEUE`, `beat`, `migrate`. See docs/howto/run-with-compose.md.

FROM python:3.13-slim-bookworm AS build
# The virtual environment has no pip of its own: nothing is installed after this stage.
COPY deploy/requirements.lock /build/
RUN python -m venv --without-pip /opt/persons-api \
    && pip --python /opt/persons-api/bin/python install --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary :all: -r /build/requirements.lock
COPY core /opt/persons-api/src/core
COPY insights /opt/persons-api/src/insights
COPY persons_api /opt/persons-api/src/persons_api
COPY deploy/persons-api /opt/persons-api/bin/
# Readable for the user below, whatever the umask of the checkout was; the program may not write where it lives.
RUN python -m compileall -q /opt/persons-api/src \
    && chmod -R a+rX,go-w /opt/persons-api/src \
    && chmod 755 /opt/persons-api/bin/persons-api

FROM python:3.13-slim-bookworm
RUN useradd --system --no-create-home --uid 10001 persons-api
COPY --from=build /opt/persons-api /opt/persons-api
ENV PATH=/opt/persons-api/bin:$PATH \
    PYTHONPATH=/opt/persons-api/src \
    PYTHONUNBUFFERED=1 \
    DJANGO_SETTINGS_MODULE=persons_api.settings
USER 10001
WORKDIR /opt/persons-api
EXPOSE 8000
# Of the role `web`; docker-compose.yml has those of the others.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/_health', timeout=4)"]
ENTRYPOINT ["persons-api"]
CMD ["web", "--host", "0.0.0.0"]
