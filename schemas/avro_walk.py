"""A walk over Avro bytes that proves them to be a value of a schema, without building the value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

Walk = Callable[[bytes, int], int]
"""Takes the bytes and a position, returns the position after the value. IndexError: the bytes end within it.
"""

_MOST_PARTS: Final = 2_000
_MOST_NESTING: Final = 32
_LONGEST_VARINT: Final = 10


class RefusedSchema(ValueError):
    """A schema that no value is decoded with; the message says why."""


class WrongBytes(ValueError):
    """Bytes that are no value of the schema; the message holds nothing of them."""


def walker(schema: Any) -> Callable[[bytes, int], None]:
    """A check that the bytes from a position to their end are exactly one value of the schema.

    Raises `RefusedSchema` for a schema with recursion, items of no size, or more than 2,000 parts; the check
    raises `WrongBytes`.
    """
    walk = _Compiler().compile(schema, "", 0).walk

    def check(data: bytes, offset: int) -> None:
        try:
            end = walk(data, offset)
        except IndexError:
            raise WrongBytes("cut off") from None
        except UnicodeDecodeError:
            raise WrongBytes("a text is not UTF-8") from None
        if end != len(data):
            raise WrongBytes("cut off" if end > len(data) else "bytes are left over")

    return check


class Part(NamedTuple):
    """A compiled part of a schema: its walk and the least size of its values in bytes.

    `weight` counts its parts with names replaced by what they stand for, `height` how deep they nest then.
    """

    walk: Walk
    least: int
    weight: int = 1
    height: int = 0


class _Compiler:
    """Turns a schema into nested functions."""

    def __init__(self) -> None:
        self._named: dict[str, Part] = {}
        self._open: set[str] = set()

    def compile(self, schema: Any, namespace: str, depth: int) -> Part:
        """One part of a schema; `namespace` and so many others enclose it."""
        if depth > _MOST_NESTING:
            raise RefusedSchema("too deeply nested")
        part = self._compile(schema, namespace, depth)
        if part.weight > _MOST_PARTS or part.height > _MOST_NESTING:
            raise RefusedSchema("too large or too deeply nested")
        return part

    def _compile(self, schema: Any, namespace: str, depth: int) -> Part:
        if isinstance(schema, list):
            branches = [self.compile(branch, namespace, depth + 1) for branch in schema]
            return _around(branches, _union([branch.walk for branch in branches]), 1)
        if isinstance(schema, str):
            return _PRIMITIVES.get(schema) or self._known(schema, namespace)
        if not isinstance(schema, dict) or "type" not in schema:
            raise RefusedSchema("no Avro schema")
        kind = schema["type"]
        match kind:
            case "array":
                item = self.compile(schema.get("items"), namespace, depth + 1)
                if item.least == 0:
                    raise RefusedSchema("an array has items of no size")
                return _around([item], _blocks(item.walk), 1)
            case "map":
                item = self.compile(schema.get("values"), namespace, depth + 1)
                return _around([item], _blocks(_entry(item.walk)), 1)
            case "enum" | "fixed" | "record" | "error":
                return self._define(kind, schema, namespace, depth)
        return self.compile(kind, namespace, depth + 1)

    def _define(self, kind: str, schema: dict[str, Any], namespace: str, depth: int) -> Part:
        name, inner = schema.get("name"), schema.get("namespace", namespace)
        if not isinstance(name, str) or not isinstance(inner, str):
            raise RefusedSchema("a name is no text")
        full = name if "." in name else f"{inner}.{name}"
        self._open.add(full)
        if kind == "enum":
            made = Part(_enum(len(_list(schema, "symbols"))), 1)
        elif kind == "fixed":
            made = _fixed(schema.get("size"))
        else:
            made = self._record(_list(schema, "fields"), full.rpartition(".")[0], depth)
        self._open.discard(full)
        self._named[full] = made
        return made

    def _record(self, fields: Sequence[Any], namespace: str, depth: int) -> Part:
        parts = []
        for field in fields:
            if not isinstance(field, dict):
                raise RefusedSchema("a field is no object")
            parts.append(self.compile(field.get("type"), namespace, depth + 1))
        return _around(parts, _sequence([part.walk for part in parts]), sum(part.least for part in parts))

    def _known(self, name: str, namespace: str) -> Part:
        full = name if "." in name else f"{namespace}.{name}"
        if full in self._open:
            raise RefusedSchema("it contains itself")
        found = self._named.get(full)
        if found is None:
            raise RefusedSchema("it names an unknown type")
        return found


def _around(parts: Sequence[Part], walk: Walk, least: int) -> Part:
    weight = 1 + sum(part.weight for part in parts)
    return Part(walk, least, weight, 1 + max((part.height for part in parts), default=0))


def _list(schema: dict[str, Any], key: str) -> list[Any]:
    value = schema.get(key)
    if not isinstance(value, list):
        raise RefusedSchema(f"{key} is no list")
    return value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    for position in range(at, at + _LONGEST_VARINT):
        byte = data[position]
        value |= (byte & 127) << shift
        if byte < 128:
            if value >= 1 << 64:
                break
            return (value >> 1) ^ -(value & 1), position + 1
        shift += 7
    raise WrongBytes("an integer is too long")


def _null(data: bytes, at: int) -> int:  # noqa: ARG001
    return at


def _boolean(data: bytes, at: int) -> int:
    if data[at] > 1:
        raise WrongBytes("a boolean is neither 0 nor 1")
    return at + 1


def _long(data: bytes, at: int) -> int:
    return _varint(data, at)[1]


def _int(data: bytes, at: int) -> int:
    value, at = _varint(data, at)
    if not -(1 << 31) <= value < 1 << 31:
        raise WrongBytes("an int is out of range")
    return at


def _bytes(data: bytes, at: int) -> int:
    size, at = _varint(data, at)
    if size < 0:
        raise WrongBytes("a length is negative")
    if at + size > len(data):
        raise WrongBytes("cut off")
    return at + size


def _string(data: bytes, at: int) -> int:
    size, start = _varint(data, at)
    if size < 0:
        raise WrongBytes("a length is negative")
    end = start + size
    if end > len(data):
        raise WrongBytes("cut off")
    data[start:end].decode()
    return end


def _fixed(size: Any) -> Part:
    if not isinstance(size, int) or size < 0:
        raise RefusedSchema("a size is no whole number")

    def walk(data: bytes, at: int) -> int:
        if at + size > len(data):
            raise WrongBytes("cut off")
        return at + size

    return Part(walk, size)


def _index(data: bytes, at: int, count: int) -> tuple[int, int]:
    index, at = _varint(data, at)
    if not 0 <= index < count:
        raise WrongBytes("an index is out of range")
    return index, at


def _enum(count: int) -> Walk:
    return lambda data, at: _index(data, at, count)[1]


def _union(branches: list[Walk]) -> Walk:
    count = len(branches)

    def walk(data: bytes, at: int) -> int:
        index, at = _index(data, at, count)
        return branches[index](data, at)

    return walk


def _sequence(walks: list[Walk]) -> Walk:
    walks = [walk for walk in walks if walk is not _null]

    def walk(data: bytes, at: int) -> int:
        for part in walks:
            at = part(data, at)
        return at

    return walk


def _entry(value: Walk) -> Walk:
    return lambda data, at: value(data, _string(data, at))


def _blocks(item: Walk) -> Walk:
    def walk(data: bytes, at: int) -> int:
        while True:
            count, at = _varint(data, at)
            if count == 0:
                return at
            end = None
            if count < 0:
                size, at = _varint(data, at)
                count, end = -count, at + size
            for _ in range(count):
                at = item(data, at)
            if end is not None and at != end:
                raise WrongBytes("a block has another size than it says")

    return walk


_PRIMITIVES: Final[dict[str, Part]] = {
    "null": Part(_null, 0),
    "boolean": Part(_boolean, 1),
    "int": Part(_int, 1),
    "long": Part(_long, 1),
    "float": _fixed(4),
    "double": _fixed(8),
    "bytes": Part(_bytes, 1),
    "string": Part(_string, 1),
}
