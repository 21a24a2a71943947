"""What the ingestion API does, apart from HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cinematch.adapters.mongodb_catalog import AsyncCatalog, Place
from cinematch.adapters.mongodb_kept_answers import KeptAnswer
from cinematch.adapters.mongodb_watchlist_plan import Outcome
from cinematch.adapters.mongodb_watchlists import AsyncWatchlists
from cinematch.domain.changes import AddFilm, Change, RemoveFilm
from cinematch.domain.events import Event, EventType
from cinematch.domain.watchlist import Film
from cinematch.errors import EntryNotFound, FilmNotFound
from cinematch.metrics.catalogue import EVENTS_ACCEPTED
from cinematch.metrics.instruments import counter
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

CANDIDATES_SHOWN: Final = 10

_SENTENCES: Final = {
    EventType.ADD: "the film was added to the list",
    EventType.UPDATE: "the film's rating was changed",
    EventType.DELETE: "the film was removed from the list",
}
_ACCEPTED: Final = {kind: counter(EVENTS_ACCEPTED).labels(kind.value) for kind in EventType}
_log = get_logger(__name__)
_NOTHING_CHANGED: Final = "the film is in the list with this rating already: nothing was changed"


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer; `replayed`: it is that of an earlier request, and this one has changed nothing."""

    answer: ChangeAnswer
    replayed: bool = False


class IngestionService:
    """Changes lists and reads them. Every call may raise StoreUnavailable: the same call may then be made again."""

    def __init__(self, watchlists: AsyncWatchlists, catalog: AsyncCatalog) -> None:
        self._watchlists = watchlists
        self._catalog = catalog

    async def add(self, request: AddMovie, repeatable: Repeatable | None = None) -> Answered:
        """Add a film or change its rating; when this returns, the change cannot be lost.

        Raises FilmNotFound, AmbiguousTitle when the id is unknown and several films have the title, and KeyReused.
        """
        known = await self._known(request.user_id, repeatable)
        if known is not None:
            return known
        film = await self._film(request.movie_id, request.title)
        change = AddFilm(film, request.wanted_rating, request.watched_at)

        def answer(outcome: Outcome) -> ChangeAnswer:
            return _no_change(film, outcome.sequence) if outcome.event is None else _change(outcome.event)

        return await self._changed(request.user_id, change, repeatable, answer)

    async def remove(self, user_id: str, movie_id: str, repeatable: Repeatable | None = None) -> Answered:
        """Remove a film. Raises EntryNotFound when the list does not have it, and KeyReused."""

        def answer(outcome: Outcome) -> ChangeAnswer:
            if outcome.event is None:
                raise EntryNotFound(f"the list of {user_id!r} has no film {movie_id!r}")
            return _change(outcome.event)

        return await self._changed(user_id, RemoveFilm(movie_id), repeatable, answer)

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

    async def _known(self, user_id: str, repeatable: Repeatable | None) -> Answered | None:
        """Give the answer of the first time; whether the catalog still knows the film is no matter then."""
        if repeatable is None:
            return None
        kept = await self._watchlists.answer_to(user_id, repeatable.key)
        return None if kept is None else _again(kept, repeatable)

    async def _changed(
        self, user_id: str, change: Change, repeatable: Repeatable | None, answer: Callable[[Outcome], ChangeAnswer]
    ) -> Answered:
        if repeatable is None:
            return _counted(answer(await self._watchlists.change(user_id, change)))

        def kept_answer(outcome: Outcome) -> KeptAnswer:
            return KeptAnswer(repeatable.fingerprint, answer(outcome).model_dump(mode="json"))

        kept, replayed = await self._watchlists.change_once(user_id, change, repeatable.key, kept_answer)
        return _again(kept, repeatable) if replayed else _counted(ChangeAnswer.model_validate(kept.answer))

    async def _film(self, movie_id: str, title: str | None) -> Film:
        known = await self._catalog.films_by_id([movie_id])
        if movie_id in known:
            return known[movie_id]
        if title is None:
            raise FilmNotFound(f"the catalog has no film {movie_id!r}; a title may find it")
        titled = await self._catalog.films_titled(title, CANDIDATES_SHOWN)
        if not titled:
            raise FilmNotFound(f"the catalog has no film {movie_id!r} and none titled {title!r}")
        if len(titled) > 1:
            raise AmbiguousTitle(title, titled)
        return titled[0]


def _again(kept: KeptAnswer, repeatable: Repeatable) -> Answered:
    if kept.fingerprint != repeatable.fingerprint:
        raise KeyReused
    return Answered(ChangeAnswer.model_validate(kept.answer), replayed=True)


def _counted(answer: ChangeAnswer) -> Answered:
    if answer.event_type is not None:
        _ACCEPTED[answer.event_type].inc()
        tell_step(_log, current_trace(), "an event is stored", event_id=answer.event_id)
    return Answered(answer)


def _change(event: Event) -> ChangeAnswer:
    return ChangeAnswer(
        changed=True,
        event_id=event.event_id,
        event_type=event.event_type,
        sequence=event.sequence,
        movie_id=event.movie_id,
        title=event.movie_name,
        detail=_SENTENCES[event.event_type],
    )


def _no_change(film: Film, sequence: int) -> ChangeAnswer:
    return ChangeAnswer(
        changed=False,
        event_id=None,
        event_type=None,
        sequence=sequence,
        movie_id=film.movie_id,
        title=film.title,
        detail=_NOTHING_CHANGED,
    )
