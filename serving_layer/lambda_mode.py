"""STATS_MODE=lambda (phase 3): the batch document merged, on each read, with the events after it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Final

from cinematch.contracts.batch_document import read_summary
from cinematch.contracts.stored_stats import Stored
from cinematch.domain.events import Event
from cinematch.domain.statistics import Statistics, statistics, statistics_of
from cinematch.domain.summary import Summary, WholeListNeeded, merge
from cinematch.domain.watchlist import Watchlist, replay
from cinematch.settings import StatsMode
from cinematch.spans import span
from serving_layer.answer import LiveCounters, UserView, freshness, no_statistics
from serving_layer.counters import delta_of_snapshot
from serving_layer.films import FilmCache, may_have_changed
from serving_layer.reading import (
    BoundaryBehind,
    BoundaryOnly,
    DeltaAtBoundary,
    Reading,
    SpeedViewBroken,
    TailAfterBoundary,
    reading,
)
from serving_layer.speed import SpeedRead, read_speed
from serving_layer.stores import SpeedReader, StatsStore

_UNREADABLE: Final = "view_unreadable"
_OUTCOMES: Final[dict[type[Reading], str]] = {
    BoundaryOnly: "boundary_only",
    DeltaAtBoundary: "at_boundary",
    TailAfterBoundary: "batch_ahead",
    BoundaryBehind: "batch_behind",
    SpeedViewBroken: "view_broken",
}
MEETINGS: Final = (*_OUTCOMES.values(), _UNREADABLE)
"""All that `UserView.met` may be."""


@dataclass(frozen=True)
class _BothViews:
    """One user as the two stores showed them, at two instants."""

    user_id: str
    stored: Stored
    speed: SpeedRead

    @property
    def boundary(self) -> int:
        return int(self.stored.document["as_of_sequence"]) if self.stored.document else self.stored.floor

    @cached_property
    def summary(self) -> Summary:
        return read_summary(self.stored.document) if self.stored.document else Summary(sequence=self.stored.floor)

    @property
    def stats(self) -> Statistics:
        return self.stored.document["stats"] if self.stored.document else no_statistics()

    @property
    def updated_at(self) -> datetime | None:
        return self.stored.document["updated_at"] if self.stored.document else None

    @property
    def generation(self) -> int | None:
        return self.stored.document["generation"] if self.stored.document else None

    @property
    def is_of_nobody(self) -> bool:
        """Whether there is no such user: never, or erased. What Redis may have still is nobody's."""
        return self.stored.latest_sequence == 0

    def reading(self) -> Reading:
        if self.speed.lacks_events(self.boundary, self.stored.latest_sequence):
            return SpeedViewBroken()
        return reading(self.boundary, self.speed.snapshot)


class LambdaStats:
    """Every answer equals a replay of the user's events up to the `applied_sequence` that it states.

    One round trip to each store; more only when a publication or rollback falls into the read, when the tail has films
    that were not asked for lately, when one of those was changed in the catalog since the batch began, or when
    deletions have eaten the margin of a ranking.
    """

    def __init__(self, store: StatsStore, speed: SpeedReader, films: FilmCache) -> None:
        self._store = store
        self._speed = speed
        self._films = films

    async def view(self, user_id: str) -> UserView | None:
        """Read and merge; without Redis, or when it has lost events, the batch document alone, marked incomplete."""
        with span("merge"):
            views = await self._read(user_id)
            found = views.reading()
            if isinstance(found, BoundaryBehind):
                views = await self._read(user_id)
                found = views.reading()
            if views.is_of_nobody:
                return None
            met = _OUTCOMES[type(found)] if views.speed.readable else _UNREADABLE
            return replace(await self._answer(views, found), met=met)

    async def _read(self, user_id: str) -> _BothViews:
        speed = asyncio.create_task(read_speed(self._speed, user_id))
        stored = await self._store.batch_stats(user_id)
        return _BothViews(user_id, stored, await speed)

    async def _answer(self, views: _BothViews, found: Reading) -> UserView:
        match found:
            case BoundaryOnly():
                return _batch_view(views, readable=views.speed.readable)
            case DeltaAtBoundary(snapshot) as delta:
                live = LiveCounters(views.summary.totals, delta_of_snapshot(snapshot))
                return await self._merged_view(views, delta.tail, live)
            case TailAfterBoundary(tail):
                return await self._merged_view(views, tail, None)
            case BoundaryBehind() | SpeedViewBroken():
                await self._store.request_repair(views.user_id)
                return _batch_view(views, readable=False)

    async def _merged_view(self, views: _BothViews, tail: Sequence[Event], live: LiveCounters | None) -> UserView:
        stats = await self._merged(views, tail)
        if stats is None:
            return _batch_view(views, readable=False)
        applied, happened_at = tail[-1].sequence, tail[-1].event_time
        return UserView(
            user_id=views.user_id,
            stats=stats,
            freshness=freshness(
                StatsMode.LAMBDA,
                as_of=views.boundary,
                applied=applied,
                latest=views.stored.latest_sequence,
                generation=views.generation,
            ),
            last_updated=max(happened_at, views.updated_at or happened_at),
            batch_updated_at=views.updated_at,
            realtime_delta_count=stats["total_watched"] - views.stats["total_watched"],
            live=live,
        )

    async def _merged(self, views: _BothViews, tail: Sequence[Event]) -> Statistics | None:
        """Merge; with the whole list where a merge is uncertain, or would take away another film than was added."""
        films = await self._films.get((event.movie_id for event in tail), since=views.updated_at)
        if may_have_changed(films.values(), since=views.updated_at):
            return await self._replayed(views, tail)
        merged = merge(views.summary, tail, films)
        if isinstance(merged, WholeListNeeded):
            return await self._replayed(views, tail)
        return statistics(merged)

    async def _replayed(self, views: _BothViews, tail: Sequence[Event]) -> Statistics | None:
        """Fold the tail onto the whole list; None when the generation has been dropped since it was read."""
        entries = await self._store.whole_list(views.user_id, views.generation or 0)
        if len(entries) != views.summary.totals.films:
            return None
        start = Watchlist({entry.movie_id: entry for entry in entries}, views.boundary)
        watchlist = replay(tail, start)
        return statistics_of(watchlist, await self._films.get(watchlist.entries))


def _batch_view(views: _BothViews, *, readable: bool) -> UserView:
    covers = freshness(
        StatsMode.LAMBDA,
        as_of=views.boundary,
        applied=views.boundary,
        latest=views.stored.latest_sequence,
        generation=views.generation,
        readable=readable,
    )
    return UserView(
        views.user_id, views.stats, covers, last_updated=views.updated_at, batch_updated_at=views.updated_at
    )
