"""`badges up`, `badges down`, `badges status`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from consumer.cli.options import AsJson, Overrides, Yes
from consumer.cli.output import ask, emit, emit_json, say
from consumer.failure import UNREACHABLE, USAGE, Failure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.settings import Settings

_ADDRESSES: Final = {"kafka": "bootstrap_servers", "redis": "url"}


def up(as_json: AsJson = False, overrides: Overrides = None) -> None:
    """Start local Kafka and Redis in the background, those that no setting gives an address of."""
    from consumer.local.stack import LocalStack, default_home
    from consumer.settings import load_settings

    settings = load_settings(overrides or ())
    kafka, redis = settings.kafka.bootstrap_servers is None, settings.redis.url is None
    LocalStack(default_home(), say).up(kafka=kafka, redis=redis)
    _show(_state(settings), as_json)


def down(
    wipe: Annotated[bool, typer.Option("--wipe", help="Delete all data too. Cannot be undone.")] = False,
    yes: Yes = False,
) -> None:
    """Stop local Kafka and Redis; the data stays."""
    from consumer.local.stack import LocalStack, default_home

    home = default_home()
    stack = LocalStack(home, say)
    if not wipe:
        stopped = stack.down()
        say(f"{'stopped' if stopped else 'nothing ran'}; the data stays in {home}")
        return
    if not yes and not ask(f"Stop Kafka and Redis and delete all topics, badges and customers in {home}?"):
        raise Failure(USAGE, "nothing was deleted; confirm it, or give --yes where nobody can be asked")
    stack.wipe()
    say(f"stopped; the data in {home} is deleted")


def status(as_json: AsJson = False, overrides: Overrides = None) -> None:
    """Show the addresses of Kafka and Redis, and whether they answer (else exit 4)."""
    from consumer.settings import load_settings

    found = _state(load_settings(overrides or ()))
    _show(found, as_json)
    silent = [name for name in _ADDRESSES if not found[name]["running"]]
    if silent:
        raise Failure(UNREACHABLE, "; ".join(_advice(found, silent)))


def _advice(found: dict[str, Any], silent: list[str]) -> Iterator[str]:
    """`badges up` starts nothing where an address is set."""
    unknown = [name for name in silent if found[name][_ADDRESSES[name]] is None]
    if unknown:
        yield f"{' and '.join(unknown)} not running; `badges up` starts local ones"
    for name in silent:
        if name not in unknown:
            yield f"{name} does not answer; see whether it runs, or correct {name}.{_ADDRESSES[name]}"


def _state(settings: Settings) -> dict[str, Any]:
    from consumer.probe import kafka_state, redis_state

    return {"kafka": kafka_state(settings), "redis": redis_state(settings)}


def _show(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        emit_json(found)
        return
    for name, key in _ADDRESSES.items():
        address = found[name][key] or "no address"
        emit(f"{name}  {address}  {'running' if found[name]['running'] else 'not running'}")
