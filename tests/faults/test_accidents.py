"""What operators do to a group, its topics and its view (rows 11, 22 to 27, 29, 32, 33, 35): noticed, refused
or repaired, with what to do about it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import NewPartitions, NewTopic

from consumer.group import committed_offsets, member_count
from consumer.local.stack import LocalStack, StackAddresses
from tests.faults.commands import ENDS_S, SHORT, Ran, buy, consume_to_the_end, consuming, link, whole
from tests.live.shop import PARTITIONS, Shop, customers_of, open_shop, record_of

pytestmark = [pytest.mark.kafka, pytest.mark.redis]
CUSTOMERS = [str(n) for n in range(60)]
LATER = [str(n) for n in range(100, 140)]


@pytest.fixture
def shop(servers: StackAddresses, database: int, tmp_path: Path, request: pytest.FixtureRequest) -> Shop:
    """A shop where purchases of CUSTOMERS were decided."""
    name = f"accident-{abs(hash(request.node.name)) % 10**8}"
    shop = open_shop(servers, name, database, tmp_path / "log")
    buy(shop, CUSTOMERS)
    assert consume_to_the_end(shop).code == 0
    assert shop.issued_to() == sorted(CUSTOMERS)
    shop.log.unlink()
    return shop


def everybody_left(shop: Shop) -> None:
    """A worker may end before the group knows, and Kafka changes no group that somebody is in."""
    shop.until(lambda: member_count(shop.broker) == 0, lambda: "a worker that ended is still a member")


def reset(shop: Shop, by: int) -> None:
    """Moves the group's offset of each partition."""
    everybody_left(shop)
    topic, group = shop.broker.topic("customer-actions"), shop.broker.settings.consumer.group
    places = [TopicPartition(topic, p, max(0, at + by)) for p, at in committed_offsets(shop.broker).items()]
    asked = ConsumerGroupTopicPartitions(group, places)
    shop.broker.admin.alter_consumer_group_offsets([asked])[group].result()


def refused(ran: Ran, *words: str) -> None:
    """It ended with 6, and told what is the matter and what to do."""
    assert ran.code == 6, ran.log[-3000:]
    for word in words:
        assert word in ran.reason, ran.reason


@pytest.mark.row(22)
def test_offsets_reset_backwards_are_refused_and_with_the_flag_nothing_is_issued_twice(shop: Shop) -> None:
    reset(shop, -5)
    refused(consume_to_the_end(shop), "group was reset", "--accept-reset")
    buy(shop, LATER)
    assert consume_to_the_end(shop, "--accept-reset").code == 0
    assert whole(shop).issued == len(CUSTOMERS) + len(LATER)


@pytest.mark.row(23)
def test_offsets_reset_forwards_are_refused_and_with_the_flag_nothing_is_skipped(shop: Shop) -> None:
    buy(shop, LATER)
    reset(shop, 5)
    refused(consume_to_the_end(shop), "group was reset", "--accept-reset")
    assert consume_to_the_end(shop, "--accept-reset").code == 0
    assert whole(shop).issued == len(CUSTOMERS) + len(LATER)


@pytest.mark.row(24)
def test_a_deleted_group_is_refused_and_with_the_flag_it_goes_on_where_deciding_ended(shop: Shop) -> None:
    group = shop.broker.settings.consumer.group
    everybody_left(shop)
    shop.broker.admin.delete_consumer_groups([group])[group].result()
    buy(shop, LATER)
    refused(consume_to_the_end(shop), "deleted or expired", "--accept-reset")
    assert consume_to_the_end(shop, "--accept-reset").code == 0
    assert whole(shop).issued == len(CUSTOMERS) + len(LATER)


def recreate(shop: Shop, name: str) -> None:
    topic, admin = shop.broker.topic(name), shop.broker.admin
    admin.delete_topics([topic])[topic].result()
    shop.until(lambda: topic not in admin.list_topics(timeout=10).topics, lambda: "still there")
    admin.create_topics([NewTopic(topic, num_partitions=PARTITIONS)])[topic].result()
    shop.until(lambda: topic in admin.list_topics(timeout=10).topics, lambda: "not there")


@pytest.mark.row(25)
def test_an_input_topic_created_anew_is_refused(shop: Shop) -> None:
    recreate(shop, "customer-actions")
    buy(shop, CUSTOMERS, "again")
    refused(consume_to_the_end(shop), "created anew", "topics.prefix")
    refused(consume_to_the_end(shop, "--accept-reset"), "created anew", "topics.prefix")
    assert shop.issued_to() == sorted(CUSTOMERS)


@pytest.mark.row(25)
def test_an_input_topic_created_anew_under_a_running_worker_stops_it(shop: Shop) -> None:
    with consuming(shop, settings=[SHORT]) as process:
        shop.until(lambda: '"ready"' in shop.log.read_text(), lambda: "")
        recreate(shop, "customer-actions")
        for number in range(3):
            buy(shop, CUSTOMERS, f"again-{number}")
        assert process.wait(ENDS_S) == 6, shop.log.read_text()[-3000:]
    assert shop.issued_to() == sorted(CUSTOMERS)


@pytest.mark.row(26)
def test_partitions_added_keep_each_customer_where_it_is(shop: Shop) -> None:
    topic = shop.broker.topic("customer-actions")
    shop.broker.admin.create_partitions([NewPartitions(topic, 2 * PARTITIONS)])[topic].result()
    shop.until(
        lambda: (
            len(shop.broker.admin.list_topics(topic, timeout=10).topics[topic].partitions) == 2 * PARTITIONS
        ),
        lambda: "no new partitions",
    )
    shop.broker.metadata = shop.broker.admin.list_topics(timeout=10)
    producer = shop.broker.producer()
    for customer in LATER:  # as an upstream does that takes the partition of the new number
        _, key, value = record_of(customer)
        producer.produce(topic, value, key)
    assert producer.flush(ENDS_S) == 0
    ran = consume_to_the_end(shop)
    assert ran.code == 0, ran.log[-3000:]
    found = whole(shop)
    assert found.issued == len(CUSTOMERS) + len(LATER)
    assert found.rerouted > 0


@pytest.mark.row(27)
def test_records_removed_undecided_are_refused_with_the_gap_and_with_the_flag_the_rest_is_decided(
    shop: Shop,
) -> None:
    decided = committed_offsets(shop.broker)
    lost, kept = customers_of(0, 40)[20:25], customers_of(0, 40)[30:35]
    buy(shop, lost)
    end = decided[0] + len(lost)
    buy(shop, kept)
    topic = shop.broker.topic("customer-actions")
    for answer in shop.broker.admin.delete_records([TopicPartition(topic, 0, end)]).values():
        answer.result()
    refused(consume_to_the_end(shop), f"records {decided[0]} to {end - 1} were removed", "--accept-reset")
    assert consume_to_the_end(shop, "--accept-reset").code == 0
    assert shop.issued_to() == sorted(CUSTOMERS + kept)


@pytest.mark.row(32)
@pytest.mark.parametrize("how", ["flushed", "another database"])
def test_an_empty_view_is_rebuilt_and_never_taken_for_a_first_run(shop: Shop, how: str) -> None:
    settings = []
    if how == "flushed":
        link(shop).flushdb()
    else:
        url = next(one for one in shop.overrides if one.startswith("redis.url="))
        base, _, number = url.rpartition("/")
        settings = [f"{base}/{int(number) + 20}"]
    shop = Shop((*shop.overrides, *settings), shop.broker, shop.log)
    buy(shop, CUSTOMERS, "second")
    assert consume_to_the_end(shop).code == 0
    assert whole(shop).issued == 2 * len(CUSTOMERS)


@pytest.mark.row(33)
def test_an_older_backup_of_the_view_is_brought_up_from_the_changelog(shop: Shop) -> None:
    with link(shop) as client:
        keys = list(client.scan_iter())
        backup = {key: client.dump(key) for key in keys}
        buy(shop, CUSTOMERS, "second")
        assert consume_to_the_end(shop).code == 0
        client.flushdb()
        for key, value in backup.items():
            client.restore(key, 0, value)
    buy(shop, CUSTOMERS, "third")
    assert consume_to_the_end(shop).code == 0
    assert whole(shop).issued == 3 * len(CUSTOMERS)


@pytest.mark.row(33)
def test_a_backup_restored_under_a_running_worker_is_noticed(shop: Shop) -> None:
    with link(shop) as client:
        backup = {key: client.dump(key) for key in client.scan_iter()}
        with consuming(shop, settings=[SHORT]) as process:
            buy(shop, CUSTOMERS, "second")
            shop.issued_becomes(2 * CUSTOMERS)
            with client.pipeline() as at_once:  # the worker may be writing, and repairs what it finds
                at_once.flushdb()
                for key, value in backup.items():
                    at_once.restore(key, 0, value)
                at_once.execute()
            buy(shop, CUSTOMERS, "third")
            shop.issued_becomes(3 * CUSTOMERS)
            process.terminate()
            assert process.wait(ENDS_S) == 0
    assert whole(shop).issued == 3 * len(CUSTOMERS)


@pytest.mark.row(29)
@pytest.mark.parametrize(
    "part", [0.5, *(pytest.param(part, marks=pytest.mark.thorough) for part in (0.9, 0.1))]
)
def test_a_view_that_lost_the_end_of_its_file_is_brought_up(
    shop: Shop, fragile_stack: LocalStack, part: float
) -> None:
    buy(shop, CUSTOMERS, "second")
    assert consume_to_the_end(shop).code == 0
    folder = _redis_folder(fragile_stack)
    fragile_stack.down()
    for file in folder.glob("*.incr.aof"):
        with file.open("r+b") as opened:
            opened.truncate(int(file.stat().st_size * part))
    fragile_stack.up()
    buy(shop, CUSTOMERS, "third")
    assert consume_to_the_end(shop).code == 0
    assert whole(shop).issued == 3 * len(CUSTOMERS)


def _redis_folder(stack: LocalStack) -> Path:
    return stack._home / "redis" / "data" / "appendonlydir"


@pytest.mark.row(32)
def test_a_server_that_starts_with_nothing_is_filled_again(shop: Shop, fragile_stack: LocalStack) -> None:
    folder = _redis_folder(fragile_stack)
    fragile_stack.down()
    shutil.rmtree(folder)
    fragile_stack.up()
    buy(shop, CUSTOMERS, "second")
    assert consume_to_the_end(shop).code == 0
    assert whole(shop).issued == 2 * len(CUSTOMERS)


@pytest.mark.row(35)
def test_a_server_that_may_evict_is_refused(shop: Shop) -> None:
    with link(shop) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            ran = consume_to_the_end(shop)
        finally:
            client.config_set("maxmemory-policy", "noeviction")
    refused(ran, "maxmemory-policy")


@pytest.mark.row(35)
def test_a_server_without_an_append_only_file_is_warned_about(shop: Shop) -> None:
    with link(shop) as client:
        client.config_set("appendonly", "no")
        try:
            ran = consume_to_the_end(shop)
        finally:
            client.config_set("appendonly", "yes")
    assert ran.code == 0
    assert "set appendonly to yes" in ran.log


@pytest.mark.row(11)
def test_a_second_process_of_one_identity_on_this_machine_is_refused_at_once(shop: Shop) -> None:
    with consuming(shop, settings=[SHORT]) as process:
        shop.until(lambda: '"ready"' in shop.log.read_text(), lambda: "")
        with consuming(shop, log="second") as second:
            assert second.wait(ENDS_S) == 6
        assert "choose another --instance" in shop.log.with_name("second").read_text()
        process.terminate()
        assert process.wait(ENDS_S) == 0
    whole(shop)
