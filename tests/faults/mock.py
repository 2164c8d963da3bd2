"""librdkafka's own mock broker, reached by ctypes in the library that confluent-kafka brings: it answers
requests with the errors that a test asks for, late if wanted.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import confluent_kafka

PRODUCE, METADATA, INIT_PRODUCER_ID = 0, 3, 22
ADD_PARTITIONS, ADD_OFFSETS, END_TXN, TXN_OFFSET_COMMIT = 24, 25, 26, 28
_PRODUCER = 0
_BROKER = 1


def library() -> ctypes.CDLL | None:
    """librdkafka as this process has loaded it; None where the wheel brings none."""
    folder = Path(confluent_kafka.__file__).parent
    places = (folder.parent / "confluent_kafka.libs", folder / ".dylibs")
    found = [file for place in places for file in place.glob("librdkafka[.-]*")]
    return ctypes.CDLL(str(found[0])) if found else None


class MockBroker:
    """One broker, whose transactions only look like some: nothing aborted is filtered, nobody fenced."""

    def __init__(self, rdkafka: ctypes.CDLL, handle: int, cluster: int) -> None:
        self._rdkafka = rdkafka
        self._handle = ctypes.c_void_p(handle)
        self._cluster = ctypes.c_void_p(cluster)
        bootstraps = rdkafka.rd_kafka_mock_cluster_bootstraps
        bootstraps.restype = ctypes.c_char_p
        self.address: str = bootstraps(self._cluster).decode()

    def topic(self, name: str) -> None:
        """With one partition."""
        assert self._rdkafka.rd_kafka_mock_topic_create(self._cluster, name.encode(), 1, 1) == 0

    def answer(self, request: int, code: int, times: int = 1) -> None:
        """The next requests of a kind are answered with this error."""
        codes = (ctypes.c_int * times)(*[code] * times)
        self._rdkafka.rd_kafka_mock_push_request_errors_array(
            self._cluster, ctypes.c_int16(request), ctypes.c_size_t(times), codes
        )

    def answer_late(self, request: int, seconds: float) -> None:
        """The next request of a kind is done, and answered so much later. From then on `answer` is without
        effect for this kind: errors of the one broker hide those of the cluster, even when none is left.
        """
        late = ctypes.c_int(int(seconds * 1000))
        self._rdkafka.rd_kafka_mock_broker_push_request_error_rtts(
            self._cluster, ctypes.c_int32(_BROKER), ctypes.c_int16(request), ctypes.c_size_t(1), 0, late
        )

    def forget(self, request: int) -> None:
        """No more errors for this kind of request."""
        self._rdkafka.rd_kafka_mock_clear_request_errors(self._cluster, ctypes.c_int16(request))

    def delay(self, seconds: float) -> None:
        """All answers come so much later from now on."""
        late = ctypes.c_int(int(seconds * 1000))
        self._rdkafka.rd_kafka_mock_broker_set_rtt(self._cluster, ctypes.c_int32(_BROKER), late)

    def end(self) -> None:
        """Of broker and handle."""
        self._rdkafka.rd_kafka_mock_cluster_destroy(self._cluster)
        self._rdkafka.rd_kafka_destroy(self._handle)


@contextmanager
def mock_broker(rdkafka: ctypes.CDLL) -> Iterator[MockBroker]:
    """A running one."""
    for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_mock_cluster_new"):
        getattr(rdkafka, name).restype = ctypes.c_void_p
    error = ctypes.create_string_buffer(512)
    conf = ctypes.c_void_p(rdkafka.rd_kafka_conf_new())
    quiet = (b"log_level", b"0")
    rdkafka.rd_kafka_conf_set(conf, *quiet, error, ctypes.c_size_t(512))
    handle = rdkafka.rd_kafka_new(_PRODUCER, conf, error, ctypes.c_size_t(512))
    cluster = rdkafka.rd_kafka_mock_cluster_new(ctypes.c_void_p(handle), 1)
    broker = MockBroker(rdkafka, handle, cluster)
    rdkafka.rd_kafka_mock_group_initial_rebalance_delay_ms(ctypes.c_void_p(cluster), ctypes.c_int32(0))
    try:
        yield broker
    finally:
        broker.end()
