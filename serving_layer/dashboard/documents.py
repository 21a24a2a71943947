"""The documents behind the live pages: the public answers, and what of them the batch had counted already."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from cinematch.errors import StoreUnavailable
from serving_layer.dashboard.looks import Looks
from serving_layer.service import UserStatsService
from serving_layer.stores import StatsStore

_COUNTED: Final = ("total_watched", "watch_time_hours", "rating_chart_data", "genre_data")
"""Of what the batch counted, the figures that a page draws solid, with the rest hatched."""


class EventTimes(Protocol):
    """When events were written."""

    async def first_written_after(self, moment: datetime) -> datetime | None:
        """Give when the first event after `moment` was written; None when there is none. Raises StoreUnavailable."""


class DashboardDocuments:
    """Reads what the pages show. Every call may raise StoreUnavailable."""

    def __init__(self, service: UserStatsService, store: StatsStore, events: EventTimes) -> None:
        self._service = service
        self._store = store
        self._events = events

    async def user(self, user_id: str) -> dict[str, Any]:
        """Give GET /stats and `batch`: those figures in the batch generation that it was merged from.

        `batch` is None without a batch document, in other modes than `lambda`, and when another generation was
        published between the two reads. Raises UserNotFound.
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


@dataclass(frozen=True, slots=True)
class LiveDocuments:
    """What can be watched: users by id, and the trends."""

    users: Looks
    trends: Looks

    @classmethod
    def of(cls, service: UserStatsService, store: StatsStore, events: EventTimes) -> LiveDocuments:
        """Make them of what the serving routes read."""
        documents = DashboardDocuments(service, store, events)
        return cls(Looks(documents.user), Looks(documents.trends))
