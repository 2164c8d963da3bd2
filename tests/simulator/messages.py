"""Messages and errors as confluent-kafka gives them to Python."""

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException

Headers = list[tuple[str, bytes | None]]


class FakeMessage:
    """A record, a partition's end, or an error; the methods of `confluent_kafka.Message`."""

    __slots__ = ("_error", "_headers", "_key", "_offset", "_partition", "_topic", "_value")

    def __init__(
        self,
        topic: str,
        partition: int,
        offset: int,
        key: bytes | None = None,
        value: bytes | None = None,
        headers: Headers | None = None,
        error: KafkaError | None = None,
    ) -> None:
        self._topic = topic
        self._partition = partition
        self._offset = offset
        self._key = key
        self._value = value
        self._headers = headers
        self._error = error

    def topic(self) -> str:
        return self._topic

    def partition(self) -> int:
        return self._partition

    def offset(self) -> int:
        return self._offset

    def key(self) -> bytes | None:
        return self._key

    def value(self) -> bytes | None:
        return self._value

    def headers(self) -> Headers | None:
        return self._headers or None

    def timestamp(self) -> tuple[int, int]:
        return 1, 0

    def error(self) -> KafkaError | None:
        return self._error


def fatal(code: int) -> KafkaException:
    return KafkaException(KafkaError(code, None, True, False, False))


def retriable(code: int) -> KafkaException:
    return KafkaException(KafkaError(code, None, False, True, False))


def abortable(code: int) -> KafkaException:
    return KafkaException(KafkaError(code, None, False, False, True))


def plain(code: int) -> KafkaException:
    return KafkaException(KafkaError(code))
