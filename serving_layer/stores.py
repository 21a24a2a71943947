"""What the serving layer needs of its stores. Every call may raise StoreUnavailable; none blocks the event loop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from cinematch.contracts.speed_view import SpeedSnapshot
from cinematch.contracts.stored_stats import CachedStats, Stored
from cinematch.domain.watchlist import Film, ListEntry

Document = dict[str, Any]


class StatsStore(Protocol):
    """The views in MongoDB; each call is one round trip."""

    async def user_stats(self, user_id: str) -> Stored:
        """Read the micro-batch view: user_id, stats, sequence, last_updated, rating_tenths."""

    async def batch_stats(self, user_id: str) -> Stored:
        """Read the published batch view (contracts/batch_document.py)."""

    async def latest_sequence(self, user_id: str) -> int:
        """Give the last sequence issued to the user; 0 when there is none."""

    async def whole_list(self, user_id: str, generation: int) -> list[ListEntry]:
        """Give the user's whole list in one generation; empty also when that generation is gone."""

    async def films(self, movie_ids: Iterable[str]) -> dict[str, Film]:
        """Give the catalog entries of these films; those that the catalog lacks are absent."""

    async def global_trends(self) -> Document | None:
        """Give the global trends without what only the stream needs; None before the bootstrap."""

    async def request_repair(self, user_id: str) -> None:
        """Ask the speed layer to repair this user's speed view; asking again changes nothing."""


class SpeedReader(Protocol):
    """The speed view in Redis, read only."""

    async def read(self, user_id: str) -> SpeedSnapshot | None:
        """Give the user's snapshot in one atomic round trip; None when there are no keys. May raise DamagedView."""


class StatsCache(Protocol):
    """The cache of phase 1, with one lock a user so that one reader recomputes and the others wait."""

    async def get(self, user_id: str) -> CachedStats | None:
        """Give the cached statistics unless they have expired."""

    async def acquire(self, user_id: str, token: str) -> bool:
        """Take the user's lock under this token, unless somebody holds it; it expires by itself."""

    async def release(self, user_id: str, token: str) -> None:
        """Give the user's lock back, if this token still holds it."""

    async def put(self, user_id: str, cached: CachedStats) -> None:
        """Cache for the settings' time."""
