"""Expected errors of commands, and the one place where an error becomes an exit code (contract.md section 1).

    2 usage · 3 invalid configuration or definition · 4 Kafka, Redis or registry unreachable ·
    5 finished, some rows rejected · 6 a check found differences, or a position, topic or view is refused ·
    130 interrupted

Anything that is not listed here is unexpected: exit 1, with its traceback.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from confluent_kafka import KafkaError

UNEXPECTED: Final = 1
USAGE: Final = 2
INVALID: Final = 3
UNREACHABLE: Final = 4
REJECTED: Final = 5
DIFFERENT: Final = 6


class Failure(Exception):
    """Ends a command with `code`; the message ends with what to do. Empty: everything was said already."""

    def __init__(self, code: int, message: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def as_failure(error: Exception) -> Failure | None:
    """What an expected error of any layer means for the caller of a command; None for an unexpected one.

    Looks only at loaded modules: no error of Kafka's client comes from a command that never used it.
    """
    if isinstance(error, Failure):
        return error
    cause = _kafka_cause(error)
    if cause is not None:
        from consumer.rights import denied, wrong_setting

        stop = denied(cause)
        told = str(stop) if stop else wrong_setting(cause)
        if told is not None:
            return Failure(INVALID, told)
    code = _code(error)
    return None if code is None else Failure(code, _text(error))


def _kafka_cause(error: Exception) -> KafkaError | None:
    kafka = sys.modules.get("confluent_kafka")
    if kafka is None or not isinstance(error, kafka.KafkaException) or not error.args:
        return None
    cause = error.args[0]
    return cause if isinstance(cause, kafka.KafkaError) else None


def _code(error: Exception) -> int | None:
    for module, name, code in _EXPECTED:
        loaded = sys.modules.get(module)
        kind = getattr(loaded, name, None) if loaded else None
        if kind is not None and isinstance(error, kind):
            return code
    own: object = getattr(error, "exit_code", None)
    return own if isinstance(own, int) else None


_EXPECTED: Final = (
    ("consumer.settings", "InvalidSettings", INVALID),
    ("consumer.addresses", "AddressMissing", UNREACHABLE),
    ("state.errors", "ViewUnavailable", UNREACHABLE),
    ("state.errors", "OutcomeUnknown", UNREACHABLE),
    ("state.errors", "ViewMisaddressed", INVALID),
    ("state.errors", "ViewRefused", DIFFERENT),
    ("state.errors", "ViewDamaged", DIFFERENT),
    ("schemas.errors", "UnreadableRecord", DIFFERENT),
    ("state.document", "UnknownFormat", DIFFERENT),
    ("state.document", "Damaged", DIFFERENT),
    ("consumer.local.errors", "LocalStackError", UNREACHABLE),
    ("confluent_kafka", "KafkaException", UNREACHABLE),
)


def _text(error: Exception) -> str:
    kafka = sys.modules.get("confluent_kafka")
    if kafka is not None and isinstance(error, kafka.KafkaException):
        cause = error.args[0] if error.args else None
        words = cause.str() if isinstance(cause, kafka.KafkaError) else str(cause)
        return f"Kafka: {words}; see whether it answers with `badges status`, then run the command again"
    return str(error)
