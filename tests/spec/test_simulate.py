"""S105 to S107 and S110: what a timeline is, how simulate ends, and what it says on request."""

import json
from pathlib import Path
from subprocess import PIPE, run
from sys import executable

import pytest

from schemas.timeline import TimelineError, simulate
from tests.builders import (
    Json,
    act,
    as_bytes,
    at,
    badge,
    customer,
    enrol,
    enrol_badge,
    issue,
    play,
    print_lines,
    told,
)

SIMULATE = [executable, "-c", "from consumer.cli.app import main; raise SystemExit(main())", "simulate"]
NOW = "2023-10-20T10:00:00Z"
THEN = "2023-10-20T09:00:00Z"
GOOD = as_bytes(at(NOW, badge(), issue("e", THEN)))
QUESTION = '"customer": {"org_id": 7, "customer_id": "42"}'


@pytest.mark.rule("S105")
@pytest.mark.parametrize(
    "line",
    [
        b"[]",
        b'"text"',
        b"{",
        b"{}",
        f'{{"at": "{NOW}"}}'.encode(),
        f"{{{QUESTION}}}".encode(),
        f'{{"at": "{NOW}", {QUESTION}, "colour": 1}}'.encode(),
        f'{{"at": "{NOW}", {QUESTION}, "settings": {{"org_id": 7}}}}'.encode(),
        f'{{"at": "{NOW}", "customer": []}}'.encode(),
        f'{{"at": "{NOW}", "customer": null}}'.encode(),
        f'{{"at": "2023-10-20", {QUESTION}}}'.encode(),
        f'{{"at": 1697796000000, {QUESTION}}}'.encode(),
        f'{{"at": "2023-10-20T09:59:59.999Z", {QUESTION}}}'.encode(),
        f'{{"at": "{NOW}", "action": {{"amount": NaN}}}}'.encode(),
        f'{{"at": "{NOW}", "action": {{"amount": -Infinity}}}}'.encode(),
        f'{{"at": "{NOW}", {QUESTION}}} trailing'.encode(),
        b"\xff\xfe",
        b"\xef\xbb\xbf" + f'{{"at": "{NOW}", {QUESTION}}}'.encode(),
    ],
)
def test_a_line_that_is_none_ends_the_run_with_its_number_after_what_came_before(line: bytes) -> None:
    printed: list[str] = []
    with pytest.raises(TimelineError) as caught:
        printed.extend(simulate([b"\n", *GOOD, b"  \n", line, *GOOD]))
    assert caught.value.line == 5
    # A list is extended item by item: what was yielded before the error is in it.
    assert told([json.loads(one) for one in printed]) == ["ISSUED"]


@pytest.mark.rule("S105", "S106")
@pytest.mark.parametrize(
    ("tail", "code"), [(b'{"at": "2023-10-20T10:00:00Z", "action": {}}\n', 0), (b"nothing\n", 2)]
)
def test_the_command_exits_by_the_lines_and_names_the_bad_one(tmp_path: Path, tail: bytes, code: int) -> None:
    timeline = tmp_path / "timeline.jsonl"
    timeline.write_bytes(b"\n".join(GOOD) + b"\n\n" + tail)
    ended = run(
        [
            executable,
            "-c",
            "from consumer.cli.app import main; raise SystemExit(main())",
            "simulate",
            timeline,
        ],
        capture_output=True,
        check=False,
    )
    lines = ended.stdout.decode().splitlines()
    assert ended.returncode == code
    assert json.loads(lines[0])["outcome"] == "ISSUED"
    assert len(lines) == (2 if code == 0 else 1)
    assert ("line 4" in ended.stderr.decode()) == (code == 2)


@pytest.mark.rule("S107")
def test_two_runs_in_processes_with_other_hash_seeds_print_the_same_bytes(tmp_path: Path) -> None:
    timeline = tmp_path / "timeline.jsonl"
    badges = [badge(badge_id=name, name=name, issue_on={"action": "PURCHASE"}) for name in "cab"]
    acts = [act(f"e-{n}", THEN, attributes={"b": "2", "a": "1"}) for n in range(5)]
    timeline.write_bytes(b"\n".join(as_bytes(at(NOW, *badges, *acts, customer()))))
    printed = {
        run(
            [
                executable,
                "-c",
                "from consumer.cli.app import main; raise SystemExit(main())",
                "simulate",
                timeline,
            ],
            stdout=PIPE,
            check=True,
            env={"PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": "C"},
        ).stdout
        for seed, zone in [("1", "UTC"), ("2", "Asia/Tokyo")]
    }
    assert len(printed) == 1
    assert printed.pop().count(b"\n") == 16


NOISES: list[tuple[str, list[Json]]] = [
    ("NO_MATCH", [badge(issue_on={"action": "PURCHASE", "where": {"channel": "web"}}), act("e", THEN)]),
    ("OUTSIDE_PERIOD", [badge(issue_on={"action": "PURCHASE"}), act("e", "2023-09-30T00:00:00Z")]),
    ("OUTSIDE_ENROLMENT", [enrol_badge(issue_on={"action": "PURCHASE"}), act("e", THEN)]),
    (
        "ALREADY_ENROLLED",
        [enrol_badge(enrol_on={"action": "PURCHASE"}), enrol("e-0", THEN), act("e", "2023-10-20T09:30:00Z")],
    ),
]


@pytest.mark.rule("S110")
@pytest.mark.parametrize(("noise", "lines"), NOISES)
def test_explain_says_why_an_act_yielded_nothing(noise: str, lines: list[Json]) -> None:
    *_, said = print_lines(at(NOW, *lines), explain=True)
    assert said == (
        '{"at": "2023-10-20T10:00:00.000Z", "event_id": "e", "org_id": 7, "customer_id": "42", '
        f'"badge_id": "b", "noise": "{noise}"}}'
    )
    assert noise not in told(play(at(NOW, *lines)))


@pytest.mark.rule("S110")
def test_explain_adds_lines_in_the_place_of_the_records_and_changes_no_other() -> None:
    badges = [
        badge(badge_id="a", name="a", issue_on={"action": "PURCHASE"}),
        badge(badge_id="b", name="b", issue_on={"action": "PURCHASE", "where": {"channel": "web"}}),
        badge(badge_id="c", name="c", issue_on={"action": "PURCHASE"}),
        badge(badge_id="d", name="d", issue_on={"action": "VISIT"}),
    ]
    story = at(NOW, *badges, act("e", THEN))
    assert told(play(story, explain=True)) == ["ISSUED", "NO_MATCH", "ISSUED"]
    assert [one for one in print_lines(story, explain=True) if "noise" not in one] == print_lines(story)
