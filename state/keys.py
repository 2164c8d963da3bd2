"""Names of documents, in the changelog and in Redis. Pure.

A document key is bytes and the same in every place; Redis puts the partition's hash tag in front of it:

    document                      changelog key          Redis key
    head of customer 42, org 7    7:42                   bs:{actions-17}:c:7:42
    seen events, bucket 3         !s:3:7:42              bs:{actions-17}:s:3:7:42
    issuances, badge 2, page 5    !i:2:5:7:42            bs:{actions-17}:i:2:5:7:42
    day counts, badge 2, block 9  !t:2:9:7:42            bs:{actions-17}:t:2:9:7:42
    places of badge gold, org 7   !b:0:7:gold            bs:{actions-17}:b:0:7:gold
    its places made on a day      !p:19700:7:gold        bs:{actions-17}:p:19700:7:gold
    limits of it that the
    partition has reported        !n:0:7:gold            bs:{actions-17}:n:0:7:gold
    the partition's marker        -                      bs:{actions-17}:m

The customer id comes last, so that colons in it are harmless; every number before it is printed by `%d`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from badges.customer import PageKey

PAGE_KINDS: Final = {b"s": 1, b"i": 2, b"t": 2, b"b": 1, b"p": 1, b"n": 1}
"""How many numbers follow each kind of page. The last three are of a badge (places.py), not of a customer."""
_BANG: Final = ord("!")
_INTEGER = re.compile(rb"0|-?[1-9][0-9]*")
_PREFIX = re.compile(r"[A-Za-z0-9._-]*")


def head_key(org_id: int, customer_id: str) -> bytes:
    """The key of a customer's head; also the key of the customer's actions."""
    return b"%d:%s" % (org_id, customer_id.encode())


def page_key(org_id: int, customer_id: str, page: PageKey) -> bytes:
    """The key of one page of a customer."""
    if len(page) == 2:
        return b"!%s:%d:%d:%s" % (page[0].encode(), page[1], org_id, customer_id.encode())
    return b"!%s:%d:%d:%d:%s" % (page[0].encode(), page[1], page[2], org_id, customer_id.encode())


def is_document(key: bytes) -> bool:
    """Whether a changelog key names a head or a page; others (position markers, cut-overs) do not."""
    return key[:1] != b"!" or (key[1:2] in PAGE_KINDS and key[2:3] == b":")


def parse_key(key: bytes) -> tuple[int, str, PageKey | None]:
    """(org_id, customer_id, page) of a document key; page None = the head. Raises ValueError for any other
    key."""
    if key[:1] != b"!":
        (org_id,), customer_id = _numbers(key, 1)
        return org_id, customer_id, None
    kind = key[1:2]
    if kind not in PAGE_KINDS or key[2:3] != b":":
        raise ValueError("this key names no document")
    numbers, customer_id = _numbers(key[3:], PAGE_KINDS[kind] + 1)
    page: PageKey
    if len(numbers) == 2:
        page = (kind.decode(), numbers[0])
    else:
        page = (kind.decode(), numbers[0], numbers[1])
    return numbers[-1], customer_id, page


def _numbers(text: bytes, count: int) -> tuple[list[int], str]:
    """So many numbers, each ended by a colon, and the customer id behind them."""
    parts = text.split(b":", count)
    if len(parts) != count + 1 or not parts[-1]:
        raise ValueError("this key names no document")
    if any(_INTEGER.fullmatch(part) is None for part in parts[:-1]):
        raise ValueError("this key names no document")
    return [int(part) for part in parts[:-1]], parts[-1].decode()


class Keyspace:
    """The Redis keys under one topic prefix. All keys of a partition share a hash tag, thus a cluster
    slot."""

    def __init__(self, prefix: str = "") -> None:
        if _PREFIX.fullmatch(prefix) is None:
            raise ValueError("a topic prefix has letters, digits, '.', '_' and '-' only")
        self._topic = f"{prefix}actions"
        self._tags: dict[int, bytes] = {}

    def tag(self, partition: int) -> bytes:
        """What every key of the partition begins with."""
        tag = self._tags.get(partition)
        if tag is None:
            tag = self._tags[partition] = b"bs:{%s-%d}:" % (self._topic.encode(), partition)
        return tag

    def marker(self, partition: int) -> bytes:
        """The Redis key of the partition's marker."""
        return self.tag(partition) + b"m"

    def documents(self, partition: int, keys: Iterable[bytes]) -> list[bytes]:
        """The Redis keys of document keys."""
        tag = self.tag(partition)
        head = tag + b"c:"
        return [tag + key[1:] if key[0] == _BANG else head + key for key in keys]

    def pattern(self, partition: int) -> bytes:
        """A SCAN pattern for all keys of the partition; nothing in a tag is special in a pattern."""
        return self.tag(partition) + b"*"

    def document_key(self, partition: int, redis_key: bytes) -> bytes | None:
        """The inverse of `documents`; None for the marker. Raises ValueError for a key that is none of
        ours."""
        tag = self.tag(partition)
        rest = redis_key[len(tag) :]
        if not redis_key.startswith(tag):
            raise ValueError("this key is of another partition")
        if rest == b"m":
            return None
        key = rest[2:] if rest[:2] == b"c:" else b"!" + rest
        parse_key(key)
        return key
