"""`badges rebuild`: a partition of the view made anew from the changelog, by the same chain of scripts as the
repair by an owner. Every script compares the marker, so the two never mix: who loses starts again.
"""

from __future__ import annotations

from typing import Final

from consumer.failure import DIFFERENT, Failure
from consumer.repair import DOCUMENTS_A_STEP, redis_marker
from consumer.state_reading import Changelog, Folded
from state.errors import MarkerMoved
from state.marker import RedisMarker
from state.view import Document, View

ATTEMPTS: Final = 5


def rebuild_partition(view: View, changelog: Changelog, partition: int, cluster_id: str) -> int | None:
    """How many documents were written; None where an owner was always quicker, which repairs by itself.

    Raises Failure (6) where the view belongs to another Kafka cluster.
    """
    for _ in range(ATTEMPTS):
        stands = view.marker(partition)
        if stands is not None and stands.cluster_id not in ("", cluster_id):
            message = f"the view's marker of partition {partition} is of another Kafka cluster"
            raise Failure(
                DIFFERENT, f"{message}; correct redis.url or kafka.bootstrap_servers, or empty that Redis"
            )
        try:
            return _rebuilt(view, changelog.fold([partition])[partition], partition, stands)
        except MarkerMoved:
            continue
    view.delete_marker(partition)
    return None


def _rebuilt(view: View, folded: Folded, partition: int, stands: RedisMarker | None) -> int:
    held = view.clear(partition, view.claim_rebuild(partition, stands))
    if folded.marker is None:
        view.delete_marker(partition)
        return 0
    documents = [
        Document(key, offset, value) for key, (offset, value) in folded.documents.items() if value is not None
    ]
    count = len(documents)
    while len(documents) > DOCUMENTS_A_STEP:
        step, documents = documents[:DOCUMENTS_A_STEP], documents[DOCUMENTS_A_STEP:]
        held = view.extend(partition, held, step)
    view.apply(partition, held, documents, redis_marker(folded.marker, folded.end))
    return count
