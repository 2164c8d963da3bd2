"""A naive model of the whole of semantics: every question is answered by a walk over all past records.

It keeps no totals, no indexes and no caches. It is written from the text of the rules, never from the
product, and it takes bodies that are well-formed (S10, S80-S82 are tested elsewhere).
"""

import copy
from collections.abc import Iterable, Iterator

from tests.spec.naive_act import Act
from tests.spec.naive_answers import customer_answer
from tests.spec.naive_days import Json, written
from tests.spec.naive_rules import (
    LEVELS,
    Badge,
    Refused,
    check,
    edit_configurations,
    known,
    measure_of,
    windows_answer,
)
from tests.spec.naive_world import World


def define(world: World, body: Json, at: int) -> None:
    key = body["org_id"], body["badge_id"]
    old, zone = world.badges.get(key), world.zone(body["org_id"])
    others = [badge for owner, badge in world.badges.items() if owner != key and owner[0] == key[0]]
    check(body, old, others, zone, at)
    new = copy.deepcopy(old) if old else Badge({}, version=0)
    new.body, new.version = body, new.version + 1
    if old and measure_of(old.body) != measure_of(body):
        new.measure += 1
    for level in LEVELS:
        edit_configurations(old or new, new, level, zone, at)
    world.badges[key] = new


def set_org(world: World, body: Json) -> None:
    """S91, S92."""
    org = body["org_id"]
    wanted = body.get("timezone") or "UTC"
    if wanted != world.setting(org, "timezone") and world.of_org(org):
        raise Refused(400, "timezone")
    world.settings[org] = body


def answer(world: World, line: Json, at: int) -> Json:
    if "customer" in line:
        body = line["customer"]
        zone, badges = world.zone(body["org_id"]), world.badges
        return {
            "customer": customer_answer(world.past, badges, body["org_id"], body["customer_id"], zone, at)
        }
    body = line["windows"]
    badge = world.badges.get((body["org_id"], body["badge_id"]))
    if badge is None:
        raise Refused(404, "badge_id")
    zone = world.zone(body["org_id"])
    return {"windows": windows_answer(badge, body["level"], body.get("from"), body.get("to"), zone, at)}


def run(lines: Iterable[Json]) -> Iterator[Json]:
    """What simulate is to print for the lines, as objects; errors without their message."""
    world = World()
    for line in lines:
        at = known(line["at"])
        try:
            if "badge" in line:
                define(world, line["badge"], at)
            elif "settings" in line:
                set_org(world, line["settings"])
            elif "action" in line:
                yield from Act(world, line["action"], at).deliver()
            else:
                yield {"at": written(at)} | answer(world, line, at)
        except Refused as refusal:
            error = {"code": refusal.code, "reference": refusal.reference}
            yield {"at": written(at), "error": error}
