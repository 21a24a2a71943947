"""Events and films written by hand, for tests that speak of one case."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from cinematch.domain.events import Event, EventType
from cinematch.domain.watchlist import Film
from tests.strategies import EPOCH


def film(movie_id: str, **fields: object) -> Film:
    """Give a film with a title and nothing else, except what `fields` says."""
    return replace(Film(movie_id, f"Film {movie_id}"), **fields)  # type: ignore[arg-type]


def add(sequence: int, movie_id: str, rating: float | None = None, user_id: str = "user", **fields: object) -> Event:
    """Give the event that adds a film; its time is `sequence` minutes after the tests' epoch."""
    now = EPOCH + timedelta(minutes=sequence)
    event = Event(
        event_id=str(UUID(int=sequence)),
        event_type=EventType.ADD,
        user_id=user_id,
        movie_id=movie_id,
        movie_name=f"Film {movie_id}",
        genres=(),
        rating=rating,
        previous_rating=None,
        sequence=sequence,
        event_time=now,
        watched_at=now,
        added_at=now,
    )
    return replace(event, **fields)  # type: ignore[arg-type]


def update(sequence: int, before: Event, rating: float | None) -> Event:
    """Give the event that changes the rating that `before` left."""
    return _after(sequence, before, EventType.UPDATE, rating)


def delete(sequence: int, before: Event) -> Event:
    """Give the event that removes the film that `before` left in the list."""
    return _after(sequence, before, EventType.DELETE, None)


def _after(sequence: int, before: Event, event_type: EventType, rating: float | None) -> Event:
    return replace(
        before,
        event_id=str(UUID(int=sequence)),
        event_type=event_type,
        rating=rating,
        previous_rating=before.rating,
        sequence=sequence,
        event_time=EPOCH + timedelta(minutes=sequence),
    )
