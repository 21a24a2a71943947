"""STATS_MODE=micro_batch: `user_stats` is the answer."""

from __future__ import annotations

from cinematch.contracts.stored_stats import CachedStats, Stored
from cinematch.settings import StatsMode
from serving_layer.answer import UserView, freshness, no_statistics
from serving_layer.stores import StatsStore


class MicroBatchStats:
    """Statistics as the micro-batch layer last wrote them, usually about a second after the event."""

    def __init__(self, store: StatsStore) -> None:
        self._store = store

    async def view(self, user_id: str) -> UserView | None:
        """Read the user's document; before the first one is written, an empty list that is marked incomplete."""
        stored = await self._store.user_stats(user_id)
        if stored.document is None and stored.latest_sequence == 0:
            return None
        return micro_batch_view(StatsMode.MICRO_BATCH, user_id, stats_of(stored), stored.latest_sequence)


def stats_of(stored: Stored, token: str = "") -> CachedStats:
    """Give the statistics of a stored document; without one, those of an empty list before any event."""
    document = stored.document
    if document is None:
        return CachedStats(no_statistics(), stored.floor, None, token)
    return CachedStats(document["stats"], document["sequence"], document["last_updated"], token)


def micro_batch_view(
    mode: StatsMode, user_id: str, known: CachedStats, latest: int, *, readable: bool = True
) -> UserView:
    """Give the view of a user whose statistics, all of them, reach as far as `user_stats` does."""
    covers = freshness(mode, as_of=known.sequence, applied=known.sequence, latest=latest, readable=readable)
    return UserView(user_id, known.stats, covers, last_updated=known.last_updated)
