"""A producer as a process of its own: it goes on where the last chunk that Kafka confirmed ended, so what was
under way when it was killed is sent again.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from confluent_kafka import KafkaError, Message, Producer

from tests.chaos.workload import record

CHUNK: Final = 40


@dataclass(frozen=True)
class Job:
    """Acts `first`, `first + step`, … at `per_second`; `progress` remembers how many are confirmed."""

    servers: str
    topic: str
    began: int
    first: int
    step: int
    per_second: int
    progress: str

    def command(self) -> list[str]:
        return [sys.executable, "-m", "tests.chaos.producing", json.dumps(asdict(self))]


def run(job: Job) -> int:
    """Until SIGTERM; 1 where Kafka did not confirm."""
    stopping = threading.Event()

    def stop(signum: int, frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    progress = Path(job.progress)
    done = int(progress.read_text()) if progress.exists() else 0
    producer = Producer(
        {
            "bootstrap.servers": job.servers,
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": 2,
            "retry.backoff.ms": 50,
            "log_level": 0,
        }
    )
    failed: list[KafkaError] = []

    def delivered(error: KafkaError | None, message: Message) -> None:
        if error is not None:
            failed.append(error)

    while not stopping.wait(CHUNK / job.per_second):
        for number in range(done, done + CHUNK):
            sent = record(job.began, job.first + number * job.step)
            producer.produce(job.topic, sent.value, sent.key, sent.partition, on_delivery=delivered)
        if producer.flush(120) or failed:
            return 1
        done += CHUNK
        new = progress.with_suffix(".new")
        new.write_text(str(done))
        new.replace(progress)
    return 0


if __name__ == "__main__":
    sys.exit(run(Job(**json.loads(sys.argv[1]))))
