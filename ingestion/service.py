"""What the ingestion API does, apart from HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from cinematch.adapters.mongodb_catalog import AsyncCatalog, Place
from cinematch.adapters.mongodb_change_groups import ChangeRequest, Keeping, Reply
from cinematch.adapters.mongodb_kept_answers import KeptAnswer
from cinematch.adapters.mongodb_watchlist_plan import Outcome
from cinematch.adapters.mongodb_watchlists import AsyncWatchlists
from cinematch.domain.events import EventType
from cinematch.domain.watchlist import Film
from cinematch.errors import FilmNotFound
from cinematch.metrics.catalogue import EVENTS_ACCEPTED
from cinematch.metrics.instruments import counter
from cinematch.spans import span
from cinematch.telemetry import get_logger
from cinematch.tracing import current_trace, tell_step
from ingestion.cursors import cursor_after, position, search_cursor_after, search_position
from ingestion.messages import (
    AddMovie,
    CatalogFilm,
    CatalogPage,
    ChangeAnswer,
    ListedMovie,
    ListedUser,
    MoviesPage,
    UsersPage,
)
from ingestion.problems import AmbiguousTitle, KeyReused
from ingestion.repeats import Repeatable
from ingestion.wishes import Addition, Removal, Wish

CANDIDATES_SHOWN: Final = 10

_ACCEPTED: Final = {kind: counter(EVENTS_ACCEPTED).labels(kind.value) for kind in EventType}
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer; `replayed`: it is that of an earlier request, and this one has changed nothing."""

    answer: ChangeAnswer
    replayed: bool = False


CarryOut = Callable[[ChangeRequest], Awaitable[Reply]]
"""Carries out one change; when it returns, the change cannot be lost."""


class IngestionService:
    """Changes lists and reads them. Every call may raise StoreUnavailable: the same call may then be made again."""

    def __init__(self, carry_out: CarryOut, watchlists: AsyncWatchlists, catalog: AsyncCatalog) -> None:
        self._carry_out = carry_out
        self._watchlists = watchlists
        self._catalog = catalog

    async def add(self, request: AddMovie, repeatable: Repeatable | None = None) -> Answered:
        """Add a film or change its rating; when this returns, the change cannot be lost.

        Raises FilmNotFound, AmbiguousTitle when the id is unknown and several films have the title, and KeyReused.
        """
        try:
            return await self._changed(Addition(request, request.movie_id), repeatable)
        except FilmNotFound:
            if request.title is None:
                raise
        titled = await self._titled(request.movie_id, request.title)
        return await self._changed(Addition(request, titled.movie_id), repeatable)

    async def remove(self, user_id: str, movie_id: str, repeatable: Repeatable | None = None) -> Answered:
        """Remove a film. Raises EntryNotFound when the list does not have it, and KeyReused."""
        return await self._changed(Removal(user_id, movie_id), repeatable)

    async def page(self, user_id: str, cursor: str | None, limit: int) -> MoviesPage:
        """Give a part of the list; changes made between two pages show in the later one."""
        after = None if cursor is None else position(cursor)
        found = await self._watchlists.page(user_id, after, limit + 1)
        movies = [ListedMovie.model_validate(document) for document in found[:limit]]
        following = cursor_after(movies[-1].movie_id) if len(found) > limit else None
        return MoviesPage(user_id=user_id, movies=movies, next_cursor=following)

    async def users(self, prefix: str, cursor: str | None, limit: int) -> UsersPage:
        """Give a part of the users whose id begins with `prefix`."""
        after = None if cursor is None else position(cursor)
        found = await self._watchlists.users(prefix, after, limit + 1)
        users = [ListedUser(user_id=user["_id"], sequence=user["sequence"]) for user in found[:limit]]
        following = cursor_after(users[-1].user_id) if len(found) > limit else None
        return UsersPage(users=users, next_cursor=following)

    async def search(self, text: str, cursor: str | None, limit: int) -> CatalogPage:
        """Give a part of the films that `text` finds; none when it has no letter or digit."""
        after = None if cursor is None else search_position(cursor)
        found = await self._catalog.search(text, limit + 1, after)
        films = found[:limit]
        following = search_cursor_after(Place.of(films[-1])) if len(found) > limit else None
        return CatalogPage(films=[CatalogFilm.of(film) for film in films], next_cursor=following)

    async def _changed(self, wish: Wish, repeatable: Repeatable | None) -> Answered:
        keeping = None if repeatable is None else _keeping(wish, repeatable)
        with span("transaction"):
            reply = await self._carry_out(ChangeRequest(wish.user_id, wish.movie_id, wish.change, keeping))
        if isinstance(reply, Outcome):
            return _counted(wish.answer(reply))
        if repeatable is None or reply.fingerprint != repeatable.fingerprint:
            raise KeyReused
        return Answered(ChangeAnswer.model_validate(reply.answer), replayed=True)

    async def _titled(self, movie_id: str, title: str) -> Film:
        titled = await self._catalog.films_titled(title, CANDIDATES_SHOWN)
        if not titled:
            raise FilmNotFound(f"the catalog has no film {movie_id!r} and none titled {title!r}")
        if len(titled) > 1:
            raise AmbiguousTitle(title, titled)
        return titled[0]


def _keeping(wish: Wish, repeatable: Repeatable) -> Keeping:
    def kept(outcome: Outcome) -> KeptAnswer:
        return KeptAnswer(repeatable.fingerprint, wish.answer(outcome).model_dump(mode="json"))

    return Keeping(repeatable.key, kept)


def _counted(answer: ChangeAnswer) -> Answered:
    if answer.event_type is not None:
        _ACCEPTED[answer.event_type].inc()
        tell_step(_log, current_trace(), "an event is stored", event_id=answer.event_id)
    return Answered(answer)
