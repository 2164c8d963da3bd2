"""Timelines: JSON lines in, JSON lines out (contract.md section 3; S104 to S110). No clock, no network.

line -> at, one body -> documents, json_action -> Simulation -> json_decision, questions -> lines
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NoReturn

from badges.actions import CustomerAction
from badges.calendar import format_instant, parse_day, parse_instant
from badges.decisions import Verdict
from badges.definitions import LEVELS
from badges.edits import Refused
from badges.questions import customer_answer, windows_answer
from badges.simulate import Simulation
from schemas.documents import definition_from_json, settings_from_json
from schemas.errors import Malformed
from schemas.json_action import action_from_json, org_id_of, text_of
from schemas.json_decision import decision_lines, noise_line
from schemas.json_text import NotJson, parse, printed, quoted

_KINDS: Final = ("action", "badge", "settings", "windows", "customer")


class TimelineError(Exception):
    """A line that is no timeline line ends the run (S105). `line` counts from 1, empty lines too."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"line {line}: {message}")
        self.line = line
        self.message = message


def simulate(lines: Iterable[bytes], *, explain: bool = False) -> Iterator[str]:
    """What a timeline yields, in order, one JSON text an item, without line ends.

    Raises `TimelineError` after all that earlier lines yielded. With `explain`, noise is told too (S110).
    """
    run = Simulation()
    told = _act_and_explain if explain else _act
    answer: dict[str, Callable[[Simulation, dict[str, Any], int], list[str]]] = {
        "action": told,
        "badge": _define,
        "settings": _settle,
        "windows": _windows,
        "customer": _customer,
    }
    before = None
    for number, raw in enumerate(lines, 1):
        try:
            at, kind, body = _read(raw)
        except ValueError as error:
            if not raw.strip():
                continue
            raise TimelineError(number, str(error)) from None
        if before is not None and at < before:
            raise TimelineError(number, "at: before the one of the line before")
        before = at
        try:
            yield from answer[kind](run, body, at)
        except Malformed as error:
            yield _error_line(at, 400, error.message, error.reference)
        except Refused as error:
            yield _error_line(at, error.code, error.message, error.reference)


def _read(raw: bytes) -> tuple[int, str, dict[str, Any]]:
    """(at, kind, body) of a line; ValueError where it is no line of a timeline (S105)."""
    try:
        line = parse(raw.decode())
    except UnicodeDecodeError:
        raise NotJson("not UTF-8") from None
    if type(line) is dict and len(line) == 2:
        for kind in _KINDS:
            if kind in line:
                written, body = line.get("at"), line[kind]
                at = parse_instant(written) if type(written) is str else None
                if at is not None and type(body) is dict:
                    return at, kind, body
                _refuse("at: not an instant with offset" if at is None else f"{kind}: not an object")
    return _refuse("not an object with at and exactly one of " + ", ".join(_KINDS))


def _refuse(message: str) -> NoReturn:
    raise ValueError(message)


def _act(run: Simulation, body: dict[str, Any], at: int) -> list[str]:
    action = action_from_json(body)
    return decision_lines(action, run.act(action, at).decisions, at)


def _act_and_explain(run: Simulation, body: dict[str, Any], at: int) -> list[str]:
    action = action_from_json(body)
    verdict = run.act(action, at)
    return _with_noise(run, action, verdict, at)


def _with_noise(run: Simulation, action: CustomerAction, verdict: Verdict, at: int) -> list[str]:
    """Noise stands where the record of its badge would (S26, S110): no badge has both."""
    texts = decision_lines(action, verdict.decisions, at)
    placed = [(decision.badge_id, text) for decision, text in zip(verdict.decisions, texts, strict=True)]
    placed += [
        (badge_id, noise_line(action, badge_id, noise, at)) for badge_id, noise in run.noise(action, verdict)
    ]
    placed.sort(key=lambda pair: pair[0])  # stable: the records of one badge keep their order
    return [text for _, text in placed]


def _define(run: Simulation, body: dict[str, Any], at: int) -> list[str]:
    run.define(definition_from_json(body), at)
    return []


def _settle(run: Simulation, body: dict[str, Any], at: int) -> list[str]:  # noqa: ARG001
    run.settle(settings_from_json(body))
    return []


def _windows(run: Simulation, body: dict[str, Any], at: int) -> list[str]:
    """S101."""
    _only(body, ("org_id", "badge_id", "level", "from", "to"))
    org_id, badge_id = org_id_of(body), text_of(body.get("badge_id"), "badge_id")
    level = body.get("level")
    if level not in LEVELS:
        raise Malformed("level: not CUSTOMER or BADGE", "level")
    first, last = _day(body, "from"), _day(body, "to")
    rules = run.rules(org_id)
    record = rules.records.get(badge_id)
    if record is None:
        raise Refused(404, "badge_id: no such badge in the org", "badge_id")
    return [_answer_line(at, "windows", windows_answer(record, level, first, last, rules.zone, at))]


def _customer(run: Simulation, body: dict[str, Any], at: int) -> list[str]:
    """S102, S103."""
    _only(body, ("org_id", "customer_id"))
    org_id, customer_id = org_id_of(body), text_of(body.get("customer_id"), "customer_id")
    answer = customer_answer(run.customer(org_id, customer_id), run.rules(org_id), at)
    return [_answer_line(at, "customer", answer)]


def _only(body: dict[str, Any], known: tuple[str, ...]) -> None:
    for name in body:
        if name not in known:
            raise Malformed(f"{name}: unknown field", name)


def _day(body: dict[str, Any], name: str) -> int | None:
    written = body.get(name)
    if written is None:
        return None
    day = parse_day(written) if type(written) is str else None
    if day is None:
        raise Malformed(f"{name}: not a day YYYY-MM-DD", name)
    return day


def _answer_line(at: int, kind: str, answer: dict[str, Any]) -> str:
    return f'{{"at": "{format_instant(at)}", "{kind}": {printed(answer)}}}'


def _error_line(at: int, code: int, message: str, reference: str | None) -> str:
    """S104."""
    named = "null" if reference is None else quoted(reference)
    error = f'{{"code": {code}, "message": {quoted(message)}, "reference": {named}}}'
    return f'{{"at": "{format_instant(at)}", "error": {error}}}'
