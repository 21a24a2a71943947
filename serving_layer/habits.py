"""GET /habits: what a whole list tells beyond the statistics, from the list itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, Final, Protocol

from cinematch.adapters.mongodb_current_lists import CurrentList
from cinematch.domain.habits import habits
from cinematch.errors import UserNotFound
from serving_layer.films import FilmCache

SMALL_LIST: Final = 500
"""Films of a list that is worked through at once; a longer one takes longer than other requests should wait."""


class CurrentLists(Protocol):
    """Where the lists are."""

    async def read(self, user_id: str) -> CurrentList:
        """Give one user's whole list, all of one snapshot. Raises StoreUnavailable."""


def today_utc() -> date:
    """Give the day."""
    return datetime.now(UTC).date()


class HabitsService:
    """Answers GET /habits."""

    def __init__(self, lists: CurrentLists, films: FilmCache, today: Callable[[], date] = today_utc) -> None:
        self._lists = lists
        self._films = films
        self._today = today

    async def get_habits(self, user_id: str) -> dict[str, Any]:
        """Give the habits and the event that they reach. Raises UserNotFound, and StoreUnavailable."""
        current = await self._lists.read(user_id)
        if current.sequence == 0:
            raise UserNotFound(f"user {user_id!r} has no list yet")
        films = await self._films.get(entry.movie_id for entry in current.entries)
        arguments = (current.entries, films, self._today())
        if len(current.entries) <= SMALL_LIST:
            found = habits(*arguments)
        else:
            found = await asyncio.to_thread(habits, *arguments)
        return {"user_id": user_id, "sequence": current.sequence, **found}
