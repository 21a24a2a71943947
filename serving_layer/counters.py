"""The counters that Redis keeps live, as totals: what lies at a boundary, and what the speed view adds to it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cinematch.contracts.speed_view import SpeedSnapshot
from cinematch.domain.events import Event
from cinematch.domain.statistics import Statistics
from cinematch.domain.totals import Totals
from cinematch.domain.watchlist import entry_after, entry_before


def delta_of_snapshot(snapshot: SpeedSnapshot) -> Totals:
    """Give the hashes as a delta: O(genres), whatever the length of the tail."""
    return Totals(
        films=snapshot.movie_count,
        rated=snapshot.rating_count,
        rating_tenths=snapshot.rating_sum_tenths,
        genres=dict(snapshot.genres),
    )


def delta_of_tail(tail: Iterable[Event]) -> Totals:
    """Add up what each event changes; the entry that an event found is the one that an earlier event left."""
    delta = Totals()
    for event in tail:
        for entry, sign in ((entry_before(event), -1), (entry_after(event), 1)):
            if entry is not None:
                delta.count(entry, None, sign)
    return delta


def totals_of_user_stats(document: dict[str, Any]) -> Totals:
    """Give back the counters behind a document of `user_stats`, exactly (its average alone is rounded)."""
    stats: Statistics = document["stats"]
    return Totals(
        films=stats["total_watched"],
        rated=sum(bar["count"] for bar in stats["rating_chart_data"]),
        rating_tenths=document["rating_tenths"],
        genres={row["genre"]: row["count"] for row in stats["genre_data"]},
    )
