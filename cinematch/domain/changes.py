"""What people ask of their list, and which of it takes effect: only effective changes become events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

from cinematch.domain.events import Event, EventType, from_tenths, to_milliseconds, to_tenths
from cinematch.domain.watchlist import Film, ListEntry, entry_after


class KeepRating(Enum):
    """Stands where a rating could be: the film's rating stays as it is (not rated, for a new film)."""

    TOKEN = 0


KEEP_RATING: Final = KeepRating.TOKEN


@dataclass(frozen=True, slots=True)
class AddFilm:
    """Put a film into the list; when it is there, change its rating.

    `rating` None means not rated. `watched_at` speaks for a new film only (default: now).
    """

    film: Film
    rating: float | KeepRating | None = KEEP_RATING
    watched_at: datetime | None = None

    @property
    def movie_id(self) -> str:
        """The film's id."""
        return self.film.movie_id


@dataclass(frozen=True, slots=True)
class RemoveFilm:
    """Take a film out of the list."""

    movie_id: str


Change = AddFilm | RemoveFilm


@dataclass(frozen=True, slots=True)
class Stamp:
    """What makes an effective change an event: its identity, its place in the user's log, its time."""

    event_id: str
    sequence: int
    event_time: datetime


def event_of(user_id: str, change: Change, current: ListEntry | None, stamp: Stamp) -> Event | None:
    """Give the event that `change` causes where the list holds `current`; None when it changes nothing."""
    if isinstance(change, RemoveFilm):
        return None if current is None else _changed(user_id, current, EventType.DELETE, None, stamp)
    if current is None:
        return _added(user_id, change, stamp)
    if change.rating is KEEP_RATING or to_tenths(change.rating) == current.rating_tenths:
        return None
    return _changed(user_id, current, EventType.UPDATE, change.rating, stamp)


def effective_events(
    user_id: str, changes: Iterable[Change], entries: Mapping[str, ListEntry], stamps: Iterator[Stamp]
) -> list[Event]:
    """Give the events of several changes, one after another; a stamp is used up only by an effective one.

    `entries` holds the current entry of each film that `changes` speaks of, where there is one.
    """
    current: dict[str, ListEntry | None] = dict(entries)
    events: list[Event] = []
    stamp = next(stamps)
    for change in changes:
        event = event_of(user_id, change, current.get(change.movie_id), stamp)
        if event is not None:
            events.append(event)
            current[change.movie_id] = entry_after(event)
            stamp = next(stamps)
    return events


def _added(user_id: str, change: AddFilm, stamp: Stamp) -> Event:
    now = to_milliseconds(stamp.event_time)
    return Event(
        event_id=stamp.event_id,
        event_type=EventType.ADD,
        user_id=user_id,
        movie_id=change.film.movie_id,
        movie_name=change.film.title,
        genres=change.film.genres,
        rating=None if change.rating is KEEP_RATING else change.rating,
        previous_rating=None,
        sequence=stamp.sequence,
        event_time=now,
        watched_at=to_milliseconds(change.watched_at or now),
        added_at=now,
    )


def _changed(user_id: str, current: ListEntry, kind: EventType, rating: float | None, stamp: Stamp) -> Event:
    return Event(
        event_id=stamp.event_id,
        event_type=kind,
        user_id=user_id,
        movie_id=current.movie_id,
        movie_name=current.title,
        genres=current.genres,
        rating=rating,
        previous_rating=from_tenths(current.rating_tenths),
        sequence=stamp.sequence,
        event_time=to_milliseconds(stamp.event_time),
        watched_at=current.watched_at,
        added_at=current.added_at,
    )
