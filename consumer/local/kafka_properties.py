"""The broker's configuration. Pure text, except for the random cluster id."""

from __future__ import annotations

import base64
import secrets
from pathlib import Path
from typing import Final

from consumer.local.errors import LocalStackError
from consumer.local.ports import HOST

_FIXED: Final = """\
process.roles=broker,controller
node.id=1
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
auto.create.topics.enable=false
# One node holds every replica.
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# The first member of a group need not wait for others.
group.initial.rebalance.delay.ms=0
# The default takes 128 MiB of the heap.
log.cleaner.dedupe.buffer.size=8388608
# After kill -9 the broker is back in 7 s instead of 11. A machine that stands still for longer fences its
# only broker: for a moment no topic can be made, and no partition has a leader.
broker.session.timeout.ms=6000
broker.heartbeat.interval.ms=500
# Tests of faults want a dead member noticed soon, and an abandoned transaction aborted soon.
group.min.session.timeout.ms=1000
transaction.abort.timed.out.transaction.cleanup.interval.ms=500
offsets.retention.check.interval.ms=5000
num.network.threads=2
num.io.threads=4
"""


def server_properties(data: Path, port: int, controller_port: int) -> str:
    """`server.properties` of one node that is broker and controller, ASCII only.

    Raises LocalStackError for a folder that Kafka cannot take.
    """
    if "," in str(data):
        raise LocalStackError(f"Kafka takes no folder with a comma in its name ({data}): set BADGES_HOME")
    return (
        _FIXED
        + f"controller.quorum.bootstrap.servers={HOST}:{controller_port}\n"
        + f"listeners=PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}\n"
        + f"log.dirs={_escaped(str(data))}\n"
    )


def new_cluster_id() -> str:
    """16 random bytes as Kafka prints them; never with a leading `-`, which its tool takes for an option."""
    while True:
        text = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
        if not text.startswith("-"):
            return text


def _escaped(text: str) -> str:
    """A value in a Java properties file."""
    units = text.replace("\\", "\\\\").encode("utf-16-be")
    codes = (int.from_bytes(units[at : at + 2]) for at in range(0, len(units), 2))
    return "".join(chr(code) if code < 128 else f"\\u{code:04x}" for code in codes)
