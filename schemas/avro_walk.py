"""A walk over Avro bytes that proves them to be a value of a schema, without building the value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

Walk = Callable[[bytes, int], int]
"""Takes the bytes and a position, returns the position after the value. IndexError: the bytes end within it.
"""

_MOST_NODES: Final = 2_000
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
    walk = _Compiler().compile(schema, "", 0)[0]

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


class _Compiler:
    """Turns a schema into nested functions; each returns its function and the least size of its values."""

    def __init__(self) -> None:
        self._named: dict[str, tuple[Walk, int]] = {}
        self._open: set[str] = set()
        self._nodes = 0

    def compile(self, schema: Any, namespace: str, depth: int) -> tuple[Walk, int]:
        """The function of a schema; `namespace` encloses it."""
        self._nodes += 1
        if self._nodes > _MOST_NODES or depth > _MOST_NESTING:
            raise RefusedSchema("too large or too deeply nested")
        if isinstance(schema, list):
            branches = [self.compile(branch, namespace, depth + 1)[0] for branch in schema]
            return _union(branches), 1
        if isinstance(schema, str):
            return _PRIMITIVES.get(schema) or self._known(schema, namespace)
        if not isinstance(schema, dict) or "type" not in schema:
            raise RefusedSchema("no Avro schema")
        kind = schema["type"]
        if isinstance(kind, str) and kind not in _PRIMITIVES:
            return self._complex(kind, schema, namespace, depth)
        return self.compile(kind, namespace, depth + 1)

    def _complex(self, kind: str, schema: dict[str, Any], namespace: str, depth: int) -> tuple[Walk, int]:
        match kind:
            case "array":
                item, least = self.compile(schema.get("items"), namespace, depth + 1)
                if least == 0:
                    raise RefusedSchema("an array has items of no size")
                return _blocks(item), 1
            case "map":
                item, _ = self.compile(schema.get("values"), namespace, depth + 1)
                return _blocks(lambda data, at: item(data, _string(data, at))), 1
            case "enum" | "fixed" | "record" | "error":
                return self._define(kind, schema, namespace, depth)
        return self._known(kind, namespace)

    def _define(self, kind: str, schema: dict[str, Any], namespace: str, depth: int) -> tuple[Walk, int]:
        name = schema.get("name")
        if not isinstance(name, str):
            raise RefusedSchema("a type has no name")
        inner = schema.get("namespace", namespace)
        if not isinstance(inner, str):
            raise RefusedSchema("a namespace is no text")
        full = name if "." in name else f"{inner}.{name}"
        self._open.add(full)
        if kind == "enum":
            made: tuple[Walk, int] = (_enum(len(_list(schema, "symbols"))), 1)
        elif kind == "fixed":
            made = _fixed(schema.get("size"))
        else:
            made = self._record(_list(schema, "fields"), full.rpartition(".")[0], depth)
        self._open.discard(full)
        self._named[full] = made
        return made

    def _record(self, fields: Sequence[Any], namespace: str, depth: int) -> tuple[Walk, int]:
        parts = []
        for field in fields:
            if not isinstance(field, dict):
                raise RefusedSchema("a field is no object")
            parts.append(self.compile(field.get("type"), namespace, depth + 1))
        return _sequence([walk for walk, _ in parts]), sum(least for _, least in parts)

    def _known(self, name: str, namespace: str) -> tuple[Walk, int]:
        full = name if "." in name else f"{namespace}.{name}"
        if full in self._open:
            raise RefusedSchema("it contains itself")
        found = self._named.get(full)
        if found is None:
            raise RefusedSchema("it names an unknown type")
        return found


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


def _fixed(size: Any) -> tuple[Walk, int]:
    if not isinstance(size, int) or size < 0:
        raise RefusedSchema("a size is no whole number")

    def walk(data: bytes, at: int) -> int:
        if at + size > len(data):
            raise WrongBytes("cut off")
        return at + size

    return walk, size


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


_PRIMITIVES: Final[dict[str, tuple[Walk, int]]] = {
    "null": (_null, 0),
    "boolean": (_boolean, 1),
    "int": (_int, 1),
    "long": (_long, 1),
    "float": _fixed(4),
    "double": _fixed(8),
    "bytes": (_bytes, 1),
    "string": (_string, 1),
}
