"""STATS_MODE=incremental (phase 2): the counters live from Redis, the other statistics from `user_stats`."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from cinematch.contracts.stored_stats import Stored
from cinematch.domain.totals import Totals
from cinematch.settings import StatsMode
from serving_layer.answer import LiveCounters, UserView
from serving_layer.counters import delta_of_snapshot, delta_of_tail, totals_of_user_stats
from serving_layer.micro_batch_mode import micro_batch_view, stats_of
from serving_layer.reading import DeltaAtBoundary, Reading, SpeedViewBroken, TailAfterBoundary, reading
from serving_layer.speed import read_speed
from serving_layer.stores import SpeedReader, StatsStore


class IncrementalStats:
    """`user_stats`, with total_watched, avg_rating, genre_data and favorite_genre as new as Redis is.

    The boundary is the document's `sequence`: exactly the events after it are added. `applied_sequence` states what
    *every* figure contains, and so is that boundary; the four counters may be ahead of it.
    """

    def __init__(self, store: StatsStore, speed: SpeedReader) -> None:
        self._store = store
        self._speed = speed

    async def view(self, user_id: str) -> UserView | None:
        """Read both views; without Redis the counters are those of `user_stats`, and the answer is incomplete."""
        stored, speed = await asyncio.gather(self._store.user_stats(user_id), read_speed(self._speed, user_id))
        if stored.latest_sequence == 0:  # never, or erased: what Redis may have still is nobody's
            return None
        known = stats_of(stored)
        lacks_events = speed.lacks_events(known.sequence, stored.latest_sequence)
        outcome = SpeedViewBroken() if lacks_events else reading(known.sequence, speed.snapshot)
        readable = speed.readable and not isinstance(outcome, SpeedViewBroken)
        if isinstance(outcome, SpeedViewBroken):
            await self._store.request_repair(user_id)
        view = micro_batch_view(StatsMode.INCREMENTAL, user_id, known, stored.latest_sequence, readable=readable)
        return _with_live_counters(view, stored, outcome)


def _with_live_counters(view: UserView, stored: Stored, outcome: Reading) -> UserView:
    delta = _delta(outcome)
    if delta is None:
        return view
    boundary = totals_of_user_stats(stored.document) if stored.document else Totals()
    return replace(view, live=LiveCounters(boundary, delta), realtime_delta_count=delta.films)


def _delta(outcome: Reading) -> Totals | None:
    match outcome:
        case DeltaAtBoundary(snapshot):
            return delta_of_snapshot(snapshot)
        case TailAfterBoundary(tail):
            return delta_of_tail(tail)
    return None
