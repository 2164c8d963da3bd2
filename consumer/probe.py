"""Whether Kafka and Redis answer: for `badges status`. Nothing here raises for a silent server."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from consumer.addresses import AddressMissing, kafka_address, redis_address
from consumer.broker import Broker
from consumer.failure import Failure
from consumer.settings import Settings
from state.errors import ViewError
from state.redis_view import RedisView


def kafka_state(settings: Settings) -> dict[str, Any]:
    """bootstrap_servers (None without one), running, cluster_id."""
    try:
        address = kafka_address(settings)
    except AddressMissing:
        return {"bootstrap_servers": None, "running": False, "cluster_id": None}
    try:
        metadata = Broker(settings).metadata
    except Failure:
        return {"bootstrap_servers": address, "running": False, "cluster_id": None}
    return {"bootstrap_servers": address, "running": True, "cluster_id": metadata.cluster_id}


def redis_state(settings: Settings) -> dict[str, Any]:
    """url without password (None without one), running."""
    try:
        address = redis_address(settings).get_secret_value()
    except AddressMissing:
        return {"url": None, "running": False}
    return {"url": without_password(address), "running": _answers(address)}


def _answers(address: str) -> bool:
    try:
        view = RedisView(address)
    except ValueError:
        return False
    try:
        view.health()
    except ViewError:
        return False
    else:
        return True
    finally:
        view.close()


def without_password(url: str) -> str:
    """The same URL with `***` for its password."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    place = parts.netloc.rpartition("@")[2]
    query = "***" if "password=" in parts.query else parts.query
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:***@{place}", query=query))


def zones_version() -> str:
    """The version of the time zones that days are computed with."""
    return version("tzdata")
