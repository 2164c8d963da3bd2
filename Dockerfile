# The consumer and its commands. Kafka and Redis are elsewhere: nothing of the local stack is in the image.
FROM python:3.11.14-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md ./
COPY badges badges
COPY schemas schemas
COPY state state
COPY consumer consumer
RUN python -m venv /opt/badges \
 && /opt/badges/bin/pip install --no-cache-dir --disable-pip-version-check -c constraints.txt .

FROM python:3.11.14-slim-bookworm
RUN useradd --system --uid 10001 --create-home badges
COPY --from=build /opt/badges /opt/badges
ENV PATH=/opt/badges/bin:$PATH PYTHONUNBUFFERED=1
USER badges
WORKDIR /home/badges
ENTRYPOINT ["badges"]
CMD ["--help"]
