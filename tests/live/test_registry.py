"""Records in Confluent framing: a schema that cannot be had makes its partition wait, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from consumer.demo.consuming import consumer_process
from consumer.local.stack import StackAddresses
from consumer.registry_client import RegistryClient
from schemas.avro_schema import BADGE_DECISIONS, BADGE_ISSUED, CUSTOMER_ACTION, schema_text
from schemas.badge_issued import decode_issued
from schemas.decisions import decode_decisions
from schemas.framing import confluent_value
from schemas.registry import RememberedSchemas
from tests.live.registry import running_registry
from tests.live.shop import customers_of, open_shop, record_of

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.row(46)]
LATER = 4711


def test_a_partition_waits_for_a_schema_that_appears_and_the_others_go_on(
    stack: StackAddresses, tmp_path: Path
) -> None:
    waiting, behind = customers_of(0, 2)
    other = customers_of(1, 1)[0]
    with running_registry() as registry:
        shop = open_shop(stack, "registry", 8, tmp_path / "log", f"registry.url={registry.url}")
        schemas = RememberedSchemas(RegistryClient(registry.url))
        with consumer_process(shop.overrides, 1, shop.log):
            shop.until(lambda: len(registry.known) == 2, lambda: "the outputs' schemas are not registered")
            for schema_id in list(registry.known):
                schemas.schema_by_id(schema_id)  # from here on the test asks for nothing
            partition, key, value = record_of(waiting)
            shop.send(partition, key, confluent_value(LATER, value))
            shop.send(*record_of(behind))
            shop.send(*record_of(other))
            shop.until(lambda: LATER in registry.asked, lambda: "not asked for the schema")

            # An unknown schema is asked for thirty seconds, which a slow machine may need for the rest; one
            # that cannot be asked for, for ever.
            registry.down = True
            shop.issued_becomes([other], schemas)
            shop.until(lambda: registry.refused > 0, lambda: "not asked while the registry is down")
            shop.send(*record_of(other, "f"))
            shop.issued_becomes([other, other], schemas)

            registry.known[LATER] = schema_text(CUSTOMER_ACTION)
            registry.down = False
            shop.issued_becomes([other, other, waiting, behind], schemas)
        assert shop.read("customer-actions.dead-letters") == []
        issued = [message.value() or b"" for message in shop.read("badge-issued")]
        decided = [message.value() or b"" for message in shop.read("badge-decisions")]
        assert {value[:1] for value in issued + decided} == {b"\x00"}
        assert len({decode_issued(value, schemas).issuance_id for value in issued}) == 4
        assert {decode_decisions(value, schemas).customer_id for value in decided} == {waiting, behind, other}
        assert {registry.known[int.from_bytes(value[1:5], "big")] for value in issued} == {
            schema_text(BADGE_ISSUED)
        }
        assert {registry.known[int.from_bytes(value[1:5], "big")] for value in decided} == {
            schema_text(BADGE_DECISIONS)
        }
