"""The documents behind the live pages: the public answers, and what of them the batch had counted already."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final, Protocol

from cinematch.domain.community import CommunityTotals, community
from cinematch.errors import StoreUnavailable
from serving_layer.dashboard.looks import Looks
from serving_layer.service import UserStatsService
from serving_layer.stores import StatsStore

COMMUNITY_SECONDS: Final = 600.0
"""Between two scans of all lists, however many pages are open, and after one that took too long."""
CONFIRMED_SECONDS: Final = 5.0
"""How long an answer that was complete counts while its user has no new event; after that a batch, or a lost Redis, may
have changed it."""
_COUNTED: Final = ("total_watched", "watch_time_hours", "rating_chart_data", "genre_data")
"""Of what the batch counted, the figures that a page draws solid, with the rest hatched."""


class EventTimes(Protocol):
    """When events were written."""

    async def first_written_after(self, moment: datetime) -> datetime | None:
        """Give when the first event after `moment` was written; None when there is none. Raises StoreUnavailable."""


class Lists(Protocol):
    """All lists together."""

    async def totals(self) -> CommunityTotals:
        """Add up every list. Raises StoreUnavailable."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What the documents are read from."""

    service: UserStatsService
    store: StatsStore
    events: EventTimes
    lists: Lists


@dataclass(frozen=True, slots=True)
class _Kept:
    document: dict[str, Any]
    read_at: float

    def holds(self, latest_sequence: int, now: float) -> bool:
        freshness = self.document["freshness"]
        is_current = freshness["complete"] and freshness["latest_sequence"] == latest_sequence
        return is_current and self.is_young(now)

    def is_young(self, now: float) -> bool:
        return now - self.read_at < CONFIRMED_SECONDS


class DashboardDocuments:
    """Reads what the pages show. Every call may raise StoreUnavailable."""

    def __init__(self, sources: Sources, clock: Callable[[], float] = monotonic) -> None:
        self._service = sources.service
        self._store = sources.store
        self._events = sources.events
        self._lists = sources.lists
        self._clock = clock
        self._kept: dict[str, _Kept] = {}

    async def user(self, user_id: str) -> dict[str, Any]:
        """Give GET /stats and `batch`, read again when the user has a new event, and now and then.

        So a look at somebody who does nothing is one look-up of a number. Raises UserNotFound.
        """
        now = self._clock()
        kept = self._kept.get(user_id)
        if kept is not None and kept.holds(await self._store.latest_sequence(user_id), now):
            return kept.document
        document = await self._user_read(user_id)
        self._kept = {other: it for other, it in self._kept.items() if it.is_young(now)}
        self._kept[user_id] = _Kept(document, now)
        return document

    async def _user_read(self, user_id: str) -> dict[str, Any]:
        """Give GET /stats and `batch`: those figures in the batch generation that it was merged from.

        `batch` is None without a batch document, in other modes than `lambda`, and when another generation was
        published between the two reads.
        """
        answer, stored = await asyncio.gather(self._service.get_user_stats(user_id), self._store.batch_stats(user_id))
        merged_from = answer["freshness"]["batch_generation"]
        batch = None
        if stored.document is not None and stored.document["generation"] == merged_from:
            batch = {name: stored.document["stats"][name] for name in _COUNTED}
        return {**answer, "batch": batch}

    async def trends(self, _community: str) -> dict[str, Any]:
        """Give GET /trends/global and `waiting_since`: when the first event was written that is not counted in it.

        Seen from the clocks of two processes: an event of the last instants before the count may wait unseen.
        """
        trends = await self._store.global_trends()
        if trends is None:
            raise StoreUnavailable("the global trends view", "it is not computed yet")
        waiting_since = await self._events.first_written_after(datetime.fromisoformat(trends["updated_at"]))
        return {**trends, "waiting_since": waiting_since}

    async def community(self, _community: str) -> dict[str, Any]:
        """Give what all lists together are like, and `counted_at`."""
        counted_at = datetime.now(UTC)
        return {**community(await self._lists.totals()), "counted_at": counted_at}


@dataclass(frozen=True, slots=True)
class LiveDocuments:
    """What can be watched: users by id, and the trends; and what is looked at now and then."""

    users: Looks
    trends: Looks
    community: Looks

    @classmethod
    def of(cls, sources: Sources) -> LiveDocuments:
        """Make them of what the serving routes read."""
        documents = DashboardDocuments(sources)
        return cls(Looks(documents.user), Looks(documents.trends), Looks(documents.community, COMMUNITY_SECONDS))
