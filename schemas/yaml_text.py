"""YAML with the core scalars of YAML 1.2 only (contract.md section 2).

Plain true, false, null and JSON numbers are values; everything else, instants, `on`, `NO`, `0123`, `12:30`,
is a string. Duplicate keys are errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

from schemas.json_text import parse

_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\Z")
_WORDS: Final = {"true": True, "false": False, "null": None, "": None}
_NODES: Final = 100_000
"""Nodes a text may stand for, aliases expanded: more is an attack, not a book of rules."""
_DEPTH: Final = 100
_TAGS: Final = {
    "tag:yaml.org,2002:str": yaml.ScalarEvent,
    "tag:yaml.org,2002:map": yaml.MappingStartEvent,
    "tag:yaml.org,2002:seq": yaml.SequenceStartEvent,
}


class NotYaml(ValueError):
    """The text is no YAML of this kind; the message says where and why."""


def read_yaml(text: str) -> list[Any]:
    """The values of the documents of a YAML text, empty ones left out, as `json_text.parse` would give them.

    Raises `NotYaml`.
    """
    try:
        return _Reader(text).documents()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}: " if mark else ""
        raise NotYaml(f"{where}{error.problem or error.context or 'not YAML'}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise NotYaml(str(error).splitlines()[0]) from None


class _Reader:
    """Walks the parser's events, because composed nodes no longer tell `5` from `!!str 5`."""

    def __init__(self, text: str) -> None:
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=yaml.BaseLoader)
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._nodes = 0

    def documents(self) -> list[Any]:
        values: list[Any] = []
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors = {}
                values.append(self._value(next(self._events), 0))
        return [value for value in values if value is not None]

    def _value(self, event: yaml.Event, depth: int) -> Any:
        before = self._nodes
        self._count(1, event)
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise _error(event, f"nothing is anchored as {event.anchor} before")
            value, size = self._anchors[event.anchor]
            self._count(size, event)
            return value
        if depth > _DEPTH:
            raise _error(event, "nested too deeply")
        assert isinstance(event, yaml.ScalarEvent | yaml.MappingStartEvent | yaml.SequenceStartEvent)
        if event.tag not in (None, "!") and not isinstance(event, _TAGS.get(event.tag, ())):
            raise _error(event, "tags are not known here")
        if isinstance(event, yaml.MappingStartEvent):
            value = self._mapping(depth)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._sequence(depth)
        else:
            value = _scalar(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, self._nodes - before)
        return value

    def _count(self, nodes: int, event: yaml.Event) -> None:
        self._nodes += nodes
        if self._nodes > _NODES:
            raise _error(event, f"more than {_NODES} nodes")

    def _mapping(self, depth: int) -> dict[str, Any]:
        value: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise _error(event, "a key is not a plain name")
            if event.value in value:
                raise _error(event, f"duplicate key {event.value}")
            value[event.value] = self._value(next(self._events), depth + 1)
        return value

    def _sequence(self, depth: int) -> list[Any]:
        value: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            value.append(self._value(event, depth + 1))
        return value


def read_as_text(text: str) -> bool:
    """Whether a plain scalar is the string that it is written as."""
    return text not in _WORDS and _NUMBER.match(text) is None


def _scalar(event: yaml.ScalarEvent) -> Any:
    """Only a plain scalar without a tag is more than its text."""
    text: str = event.value
    if event.style is not None or event.tag is not None:
        return text
    if read_as_text(text):
        return text
    return _WORDS[text] if text in _WORDS else parse(text)


def _error(event: yaml.Event, message: str) -> NotYaml:
    line = event.start_mark.line + 1 if event.start_mark else 1
    return NotYaml(f"line {line}: {message}")
