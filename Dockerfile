# The consumer and the commands of `badges`, without the local stack. Not Alpine: confluent-kafka has no musl wheel.
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/badges
WORKDIR /src
# The exact versions, with their hashes; they change seldom, so they are a layer of their own.
COPY requirements-image.lock ./
RUN /opt/badges/bin/python -m pip install --require-hashes -r requirements-image.lock
COPY pyproject.toml README.md ./
COPY badges badges
COPY schemas schemas
COPY state state
COPY consumer consumer
RUN /opt/badges/bin/python -m pip install --no-deps --no-build-isolation .
# The hot path as machine code (make compile), beside the sources that it is made of. The compiler stays here.
COPY requirements-compile.lock ./
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && python -m venv /opt/compiler \
    && /opt/compiler/bin/python -m pip install --require-hashes -r requirements-compile.lock
RUN cd / && PYTHONPATH=$(echo /opt/badges/lib/python3*/site-packages) \
    /opt/compiler/bin/python -m consumer.compile_modules

FROM ${PYTHON_IMAGE}
RUN useradd --system --uid 10001 --create-home --home-dir /home/badges badges
COPY --from=build /opt/badges /opt/badges
ENV PATH=/opt/badges/bin:$PATH PYTHONUNBUFFERED=1
USER badges
WORKDIR /home/badges
STOPSIGNAL SIGTERM
ENTRYPOINT ["badges"]
CMD ["--help"]
