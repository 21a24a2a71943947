"""What people wish for their list: the change that it means, and the answer to what became of it."""

from __future__ import annotations

from typing import Final, Protocol

from cinematch.adapters.mongodb_watchlist_plan import Outcome
from cinematch.domain.changes import AddFilm, Change, RemoveFilm
from cinematch.domain.events import Event, EventType
from cinematch.domain.watchlist import Film
from cinematch.errors import EntryNotFound, FilmNotFound
from ingestion.messages import AddMovie, ChangeAnswer

_SENTENCES: Final = {
    EventType.ADD: "the film was added to the list",
    EventType.UPDATE: "the film's rating was changed",
    EventType.DELETE: "the film was removed from the list",
}
_NOTHING_CHANGED: Final = "the film is in the list with this rating already: nothing was changed"


class Wish(Protocol):
    """`change` is asked first, with what the catalog has of the film; then `answer`. Both may be asked again."""

    @property
    def user_id(self) -> str: ...
    @property
    def movie_id(self) -> str: ...
    def change(self, film: Film | None) -> Change: ...
    def answer(self, outcome: Outcome) -> ChangeAnswer: ...


class Addition:
    """A film is to be added, or rated anew; `movie_id` may be another than the request's, which had a title as well."""

    def __init__(self, request: AddMovie, movie_id: str) -> None:
        self.user_id = request.user_id
        self.movie_id = movie_id
        self._request = request
        self._title = ""

    def change(self, film: Film | None) -> Change:
        """Give the change. Raises FilmNotFound."""
        if film is None:
            raise FilmNotFound(f"the catalog has no film {self.movie_id!r}; a title may find it")
        self._title = film.title
        return AddFilm(film, self._request.wanted_rating, self._request.watched_at)

    def answer(self, outcome: Outcome) -> ChangeAnswer:
        """Tell the event, or that nothing was changed."""
        return _changed(outcome.event) if outcome.event else self._unchanged(outcome.sequence)

    def _unchanged(self, sequence: int) -> ChangeAnswer:
        return ChangeAnswer(
            changed=False,
            event_id=None,
            event_type=None,
            sequence=sequence,
            movie_id=self.movie_id,
            title=self._title,
            detail=_NOTHING_CHANGED,
        )


class Removal:
    """A film is to leave the list."""

    def __init__(self, user_id: str, movie_id: str) -> None:
        self.user_id = user_id
        self.movie_id = movie_id

    def change(self, film: Film | None) -> Change:
        """Give the change, whether or not the catalog still has the film."""
        return RemoveFilm(self.movie_id)

    def answer(self, outcome: Outcome) -> ChangeAnswer:
        """Tell the event. Raises EntryNotFound."""
        if outcome.event is None:
            raise EntryNotFound(f"the list of {self.user_id!r} has no film {self.movie_id!r}")
        return _changed(outcome.event)


def _changed(event: Event) -> ChangeAnswer:
    return ChangeAnswer(
        changed=True,
        event_id=event.event_id,
        event_type=event.event_type,
        sequence=event.sequence,
        movie_id=event.movie_id,
        title=event.movie_name,
        detail=_SENTENCES[event.event_type],
    )
