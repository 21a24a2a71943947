"""The documents behind the live pages: the public answers, and what of them the batch had counted already."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final, Protocol

from cinematch.domain.community import CommunityTotals, community
from serving_layer.dashboard.looks import Looks
from serving_layer.service import UserStatsService
from serving_layer.stores import StatsStore
from serving_layer.trends import read_trends

COMMUNITY_SECONDS: Final = 600.0
"""Between two scans of all lists, however many pages are open, and after one that took too long."""
CONFIRMED_SECONDS: Final = 5.0
"""How long an answer that was complete counts while its user has no new event; after that a batch, or a lost Redis, may
have changed it."""
_COUNTED: Final = (
    "total_watched",
    "watch_time_hours",
    "avg_rating",
    "favorite_genre",
    "rating_chart_data",
    "genre_data",
)
"""Of what the batch counted, the figures that a page draws solid, with the rest hatched."""
_RANKED: Final = {
    "top_rated_movies": "movie_id",
    "recent_movies": "movie_id",
    "best_directors": "name",
    "most_watched_actors": "name",
}
"""The rankings, and what names a row of each."""


class EventTimes(Protocol):
    """When events were written."""

    async def first_written_after(self, moment: datetime) -> datetime | None:
        """Give when the first event after `moment` was written; None when there is none. Raises StoreUnavailable."""


class Lists(Protocol):
    """All lists together."""

    async def totals(self) -> CommunityTotals:
        """Add up every list. Raises StoreUnavailable; TooSlow after the time limit."""


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
        """Give GET /stats, `batch` and `since_batch`, read again when the user has a new event, and now and then.

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
        """Give GET /stats, and what of it the batch generation that it was merged from had counted already.

        - batch: the figures of that generation
        - since_batch: of each ranking the rows (movie_id, or name) that it has not, or has with other figures

        Both are None without a batch document, in other modes than `lambda`, and when another generation was published
        between the two reads.
        """
        answer, stored = await asyncio.gather(self._service.get_user_stats(user_id), self._store.batch_stats(user_id))
        merged_from = answer["freshness"]["batch_generation"]
        if stored.document is None or stored.document["generation"] != merged_from:
            return {**answer, "batch": None, "since_batch": None}
        counted = stored.document["stats"]
        batch = {name: counted[name] for name in _COUNTED}
        since_batch = {name: _new_rows(answer[name], counted[name], key) for name, key in _RANKED.items()}
        return {**answer, "batch": batch, "since_batch": since_batch}

    async def trends(self, _community: str) -> dict[str, Any] | None:
        """Give GET /trends/global and `waiting_since`: when the first event was written that is not counted in it.

        None before they are computed for the first time, which is no outage. Seen from the clocks of two processes: an
        event of the last instants before the count may wait unseen.
        """
        trends = await read_trends(self._store)
        if trends is None:
            return None
        waiting_since = await self._events.first_written_after(datetime.fromisoformat(trends["updated_at"]))
        return {**trends, "waiting_since": waiting_since}

    async def community(self, _community: str) -> dict[str, Any]:
        """Give what all lists together are like, and `counted_at`."""
        counted_at = datetime.now(UTC)
        return {**community(await self._lists.totals()), "counted_at": counted_at}


def _new_rows(rows: list[dict[str, Any]], counted: list[dict[str, Any]], key: str) -> list[str]:
    return [row[key] for row in rows if row not in counted]


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
