"""Values as YAML that `yaml_text.read_yaml` reads back as they were."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import yaml

from schemas.json_text import canonical_json
from schemas.yaml_text import read_as_text

_TEXT: Final = "tag:yaml.org,2002:str"
_UNICODE_BREAKS: Final = frozenset("\x85\u2028\u2029")
_ELSEWHERE: Final[Any] = yaml.resolver.Resolver()


def write_yaml(value: Any) -> str:
    """One document, fields in their order; for values as `json_text.parse` returns them."""
    return yaml.dump(value, Dumper=_Writer, sort_keys=False, allow_unicode=True)


class _Writer(yaml.SafeDumper):
    """Every scalar is written as a text, plain where it is to be read as more: so nothing gets a tag."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 -- as the base class has it

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        """Equal benefits are written twice, not as a reference."""
        return True


def _plain(writer: _Writer, value: bool | int | Decimal | None) -> yaml.ScalarNode:
    return writer.represent_scalar(_TEXT, canonical_json(value))


def _text(writer: _Writer, value: str) -> yaml.ScalarNode:
    return writer.represent_scalar(_TEXT, value, style=_style(value))


def _style(value: str) -> str | None:
    """Quoted where this reader, or one of YAML 1.1, would take it for something else (`on`, a day)."""
    if not _UNICODE_BREAKS.isdisjoint(value):
        return '"'  # the emitter would fold them
    read_elsewhere = _ELSEWHERE.resolve(yaml.ScalarNode, value, (True, False))
    return None if read_as_text(value) and read_elsewhere == _TEXT else "'"


for _kind in (bool, int, Decimal, type(None)):
    _Writer.add_representer(_kind, _plain)
_Writer.add_representer(str, _text)
