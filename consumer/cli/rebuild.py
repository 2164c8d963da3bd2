"""`badges rebuild`"""

from __future__ import annotations

from consumer.cli.options import AsJson, Overrides
from consumer.cli.output import emit_json, say


def rebuild(as_json: AsJson = False, overrides: Overrides = None) -> None:
    """Make the view in Redis anew from Kafka; workers may go on meanwhile."""
    from consumer.addresses import redis_address
    from consumer.broker import Broker
    from consumer.rebuild import rebuild_partition
    from consumer.settings import load_settings
    from consumer.state_reading import Changelog
    from schemas.catalogue import CUSTOMER_STATE
    from state.redis_view import RedisView

    settings = load_settings(overrides or ())
    broker = Broker(settings)
    partitions = range(broker.partitions(CUSTOMER_STATE))
    view = RedisView(redis_address(settings).get_secret_value(), prefix=settings.topics.prefix)
    changelog = Changelog(broker)
    try:
        view.check_server()
        cluster = str(broker.metadata.cluster_id)
        changelog.fold(partitions)
        written = {one: rebuild_partition(view, changelog, one, cluster) for one in partitions}
    finally:
        changelog.close()
        view.close()
    left = [one for one, count in written.items() if count is None]
    total = sum(count or 0 for count in written.values())
    if as_json:
        emit_json({"documents": total, "left_to_workers": left})
        return
    say(f"{total} documents written to Redis; see `badges verify`")
    if left:
        say(f"partitions {', '.join(map(str, left))} are busy: their workers rebuild them")
