# syntax=docker/dockerfile:1
# One image for every service, the worker and the sandbox: `docker run IMAGE serve contacts`.
FROM python:3.12-slim-bookworm AS build
WORKDIR /build
COPY requirements.lock pyproject.toml README.md LICENSE ./
COPY src src
# The lock file holds what tests need too; only what the package itself asks for is installed.
RUN python -m venv /opt/tidings \
    && /opt/tidings/bin/pip install --no-cache-dir --disable-pip-version-check --constraint requirements.lock ".[traces]"

FROM python:3.12-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/tidings --create-home tidings
COPY --from=build /opt/tidings /opt/tidings
ENV PATH=/opt/tidings/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    TIDINGS_DATA=/var/lib/tidings \
    TIDINGS_HOST=0.0.0.0
USER 10001
VOLUME /var/lib/tidings
EXPOSE 3000 3001 3003 3004 3005 3006
STOPSIGNAL SIGTERM
ENTRYPOINT ["tidings"]
CMD ["serve"]
