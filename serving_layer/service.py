"""The statistics of one user, whatever the mode: counters made live, a user's own writes awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from math import ceil
from time import monotonic
from typing import Any, Final, Protocol

from cinematch.domain.statistics import Statistics, genre_rows, mean_rating
from cinematch.errors import UserNotFound, WaitTimeout
from serving_layer.answer import LiveCounters, UserView

FIRST_PAUSE_SECONDS: Final = 0.005
"""Between two reads of somebody who waits for an event; grows up to the longest."""
PAUSE_GROWTH: Final = 1.5
"""So an event is seen at most about half as long after it came as it took to come."""
LONGEST_PAUSE_SECONDS: Final = 0.25
"""Whoever waits that long waits for something that is down or far behind, and should not keep it busy."""
TICK_SECONDS: Final = 0.01
"""All who wait read at the same moments, so their reads share round trips: as many in a second as there are ticks at
most, however many people wait."""


class StatsSource(Protocol):
    """One STATS_MODE."""

    async def view(self, user_id: str) -> UserView | None:
        """Read one user; None when the user never had an event. Raises StoreUnavailable when MongoDB fails."""


class UserStatsService:
    """Answers GET /stats; `answered` is told of every answer that is given."""

    def __init__(
        self,
        source: StatsSource,
        wait_seconds: float,
        clock: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        answered: Callable[[UserView], None] = lambda view: None,
    ) -> None:
        self._source = source
        self._wait_seconds = wait_seconds
        self._clock = clock
        self._sleep = sleep
        self._answered = answered

    async def get_user_stats(self, user_id: str, min_sequence: int | None = None) -> dict[str, Any]:
        """Give the flat answer; with `min_sequence`, one that contains that event of the user.

        Raises UserNotFound when the user never had an event, WaitTimeout when the event does not arrive within the
        bounded wait, StoreUnavailable when MongoDB fails. Does not guarantee that a later answer reaches as far: when
        Redis is lost, `freshness` steps back to the batch.
        """
        deadline = self._clock() + self._wait_seconds
        pause = FIRST_PAUSE_SECONDS
        while True:
            view = await self._source.view(user_id)
            if view is None:
                raise UserNotFound(f"user {user_id!r} has no list yet")
            if min_sequence is None or view.freshness.applied_sequence >= min_sequence:
                self._answered(view)
                return view.document() | self._live_counters(view.live)
            now = self._clock()
            wait = _next_tick(now + pause) - now
            if now + wait > deadline:
                raise WaitTimeout(_too_late(min_sequence, view, self._wait_seconds))
            await self._sleep(wait)
            pause = min(PAUSE_GROWTH * pause, LONGEST_PAUSE_SECONDS)

    def _live_counters(self, live: LiveCounters | None) -> Statistics:
        if live is None:
            return {}
        boundary, delta = live
        genres = genre_rows((boundary + delta).genres)
        return {
            "total_watched": boundary.films + delta.films,
            "avg_rating": self._merge_averages(
                boundary.rating_tenths, boundary.rated, delta.rating_tenths, delta.rated
            ),
            "genre_data": genres,
            "favorite_genre": genres[0]["genre"] if genres else None,
        }

    @staticmethod
    def _merge_averages(batch_tenths: int, batch_rated: int, delta_tenths: int, delta_rated: int) -> float | None:
        """Give the mean of the batch's ratings and the delta's together, in O(1).

        The delta is signed. Sums are whole tenths and the counts are of *rated* films: an average times a count of all
        films would be wrong with unrated ones, and an unchanged count does not mean an unchanged sum (a re-rating, or
        one film for another).
        """
        return mean_rating(batch_tenths + delta_tenths, batch_rated + delta_rated)


def _next_tick(moment: float) -> float:
    return ceil(moment / TICK_SECONDS) * TICK_SECONDS


def _too_late(min_sequence: int, view: UserView, wait_seconds: float) -> str:
    reached = view.freshness.applied_sequence
    return f"event {min_sequence} is not in the statistics after {wait_seconds:g} s; they reach event {reached}"
