"""`badges consume`: one worker in this process, or a parent with some; and the exit code that says what
ended it.
"""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from time import monotonic
from traceback import format_tb
from types import FrameType

import structlog
from confluent_kafka import KafkaError, KafkaException

from consumer.addresses import resolve_addresses
from consumer.bootstrap import Work, run
from consumer.clock import SystemClock
from consumer.errors import MISCONFIGURED, REFUSED, UNEXPECTED, UNREACHABLE, Paused, Stopped
from consumer.instance import claim_instance
from consumer.rights import denied, wrong_setting
from consumer.settings import Settings
from consumer.supervisor import Supervisor, end_with
from consumer.telemetry import Metrics, Telemetry, configure_logging
from consumer.zones import use_pinned_zones
from schemas.catalogue import CUSTOMER_ACTIONS
from schemas.errors import UnreadableRecord
from state.document import UnknownFormat
from state.errors import ViewError, ViewMisaddressed, ViewRefused


def consume(
    settings: Settings, *, workers: int, exit_at_end: bool, instance: str | None, accept_reset: bool
) -> int:
    """Runs the consumer until SIGTERM, SIGINT or, with `exit_at_end`, until everything was decided. The exit
    code.
    """
    configure_logging()
    addresses = resolve_addresses(settings)
    try:
        claimed = claim_instance(instance or settings.worker.instance, settings.consumer.group)
    except Stopped as error:
        structlog.get_logger().error("stopped", reason=str(error), exit_code=error.exit_code)
        return error.exit_code
    work = Work(settings, addresses, claimed.name, exit_at_end, accept_reset, os.getpid())
    try:
        if workers == 1:
            return run_worker(work, 0)
        return Supervisor(partial(_child, work), workers, monotonic).run()
    finally:
        claimed.release()


def _child(work: Work, worker: int) -> None:
    """A worker process. Ends with its exit code."""
    use_pinned_zones()
    configure_logging()
    end_with(work.parent)
    sys.exit(run_worker(work, worker))


def run_worker(work: Work, worker: int) -> int:
    """One worker in this process; returns its exit code."""
    stopped = _Stop()
    clock = SystemClock()
    topic = work.settings.topics.prefix + CUSTOMER_ACTIONS
    telemetry = Telemetry(clock, Metrics(), f"{work.instance}-{worker}", topic)
    try:
        run(work, worker, stopped, telemetry)
    except Stopped as error:
        telemetry.stopped(str(error), error.exit_code)
        return error.exit_code
    except Paused as error:
        telemetry.stopped(f"{error}; see `badges status`, then start again", UNREACHABLE)
        return UNREACHABLE
    except ViewMisaddressed as error:
        telemetry.stopped(str(error), MISCONFIGURED)
        return MISCONFIGURED
    except (ViewRefused, UnreadableRecord, UnknownFormat) as error:
        telemetry.stopped(str(error), REFUSED)
        return REFUSED
    except ViewError as error:
        telemetry.stopped(str(error), UNREACHABLE)
        return UNREACHABLE
    except KafkaException as error:
        stop = denied(error.args[0]) or _misconfigured(error.args[0])
        telemetry.stopped(str(stop), stop.exit_code)
        return stop.exit_code
    except Exception as error:  # noqa: BLE001 -- the last line and the exit code, whatever it is
        # A defect: the type says enough for a log, the message might hold what a customer did.
        telemetry.stopped(
            f"unexpected {type(error).__name__}; report it with the traceback below", UNEXPECTED
        )
        sys.stderr.writelines(format_tb(error.__traceback__))
        return UNEXPECTED
    telemetry.stopped("drained", 0)
    return 0


def _misconfigured(error: KafkaError) -> Stopped:
    wrong = wrong_setting(error)
    if wrong is not None:
        return Stopped(wrong, MISCONFIGURED)
    return Stopped(f"Kafka: {error.name()}; see `badges status`, then start again", UNREACHABLE)


class _Stop:
    """SIGTERM and SIGINT as a question that the loop asks each turn."""

    def __init__(self) -> None:
        self.wanted = False
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)

    def _stop(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.wanted = True

    def __call__(self) -> bool:
        return self.wanted
