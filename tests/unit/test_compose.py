"""docker-compose.yml, as far as it can be checked without a Docker engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from consumer.settings import load_settings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
LONG_RUNNING = sorted(name for name, service in SERVICES.items() if service.get("restart") != "no")


def test_it_offers_kafka_valkey_the_topics_and_the_consumer() -> None:
    assert sorted(SERVICES) == ["consumer", "kafka", "topics", "valkey"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_image_is_pinned_to_a_full_version(name: str) -> None:
    tag = SERVICES[name]["image"].partition(":")[2]
    assert tag.partition("-")[0].count(".") == 2
    assert "latest" not in tag


def test_the_images_of_the_dockerfile_are_pinned_too() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    images = {line.split()[1] for line in lines if line.startswith("FROM ")}
    assert images == {"python:3.11.14-slim-bookworm"}
    assert "USER badges" in lines


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
        "topics": {"condition": "service_completed_successfully"},
        "valkey": {"condition": "service_healthy"},
    }
    assert consumer["stop_grace_period"] == "60s"
    assert "noeviction" in SERVICES["valkey"]["command"]
    assert "--appendonly yes" in SERVICES["valkey"]["command"]
