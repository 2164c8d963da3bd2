"""Deterministic ids (S20 to S25): same inputs, same id, in every run."""

from __future__ import annotations

import json
from hashlib import blake2b, md5, sha1
from uuid import NAMESPACE_URL, UUID

from badges.definitions import Level, Shape

_NAMESPACE = NAMESPACE_URL.bytes
_VARIANT = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}  # the two upper bits are 10
_quote = json.encoder.encode_basestring  # the C encoder that leaves non-ASCII characters as they are


def _uuid5(name: str) -> str:
    text = sha1(_NAMESPACE + name.encode(), usedforsecurity=False).hexdigest()
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:32]}"


def issuance_id(org_id: int, badge_id: str, customer_id: str, event_id: str, occurrence: int) -> str:
    """S20, S21."""
    return _uuid5(
        f'["issuance",{org_id},{_quote(badge_id)},{_quote(customer_id)},{_quote(event_id)},{occurrence}]'
    )


def enrolment_id(org_id: int, badge_id: str, customer_id: str, event_id: str) -> str:
    """S22."""
    return _uuid5(f'["enrolment",{org_id},{_quote(badge_id)},{_quote(customer_id)},{_quote(event_id)},1]')


def configuration_id(org_id: int, badge_id: str, level: Level, number: int) -> str:
    """S23."""
    return _uuid5(f'["configuration",{org_id},{_quote(badge_id)},"{level}",{number}]')


def reference_id(level: Level, shape: Shape) -> str:
    """S25, domain.md 4.4: the vendor's version-3 UUID of the shape; shapes that recur share it."""
    prefix = "CUSTOMER_BADGE_FIXED_WINDOW" if level == "CUSTOMER" else "BADGE_FIXED_WINDOW"
    name = f"{prefix}{shape.duration}{shape.refresh_rate or 'null'}{shape.start_day or 'null'}"
    return str(UUID(bytes=md5(name.encode(), usedforsecurity=False).digest(), version=3))


def event_digest(event_id: str) -> bytes:
    """16 bytes that stand for an event id in the customer's seen events."""
    return blake2b(event_id.encode(), digest_size=16).digest()


def uuid_bytes(text: str) -> bytes:
    """The 16 bytes of an id made here."""
    return bytes.fromhex(text.replace("-", ""))


def uuid_text(identity: bytes) -> str:
    """The text of an id kept as 16 bytes."""
    text = identity.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
