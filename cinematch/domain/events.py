"""The event: one effective change of one user's watchlist, and the only input of every view.

`(user_id, sequence)` names an event for ever. Sequences of a user are 1, 2, 3, ... without a gap.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

SCHEMA_VERSION = 1
ID_MAX_CHARACTERS = 128
RATING_MIN, RATING_MAX = 0.5, 10.0


class EventType(StrEnum):
    """What happened to the film in the list."""

    ADD = "ADD"
    UPDATE = "UPDATE"
    DELETE = "DELETE"


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the topic `user-movie-events`, already valid.

    `rating` is the rating after the event (null for DELETE), `previous_rating` the one before it (null for ADD);
    both are on the scale 0.5 to 10 with one decimal, null = not rated. `watched_at` and `added_at` are the list
    entry's own times, so that any single event is enough to rebuild the entry it speaks of. All times are UTC with
    millisecond resolution.

    `traceparent` is no part of the event, so it is neither compared nor published in it: it says which request made it,
    where that is known (see `cinematch.tracing`).
    """

    event_id: str
    event_type: EventType
    user_id: str
    movie_id: str
    movie_name: str
    genres: tuple[str, ...]
    rating: float | None
    previous_rating: float | None
    sequence: int
    event_time: datetime
    watched_at: datetime | None = None
    added_at: datetime | None = None
    schema_version: int = SCHEMA_VERSION
    traceparent: str | None = field(default=None, compare=False)


def to_tenths(rating: float | None) -> int | None:
    """Give a rating as a whole number of tenths, the form in which ratings are added up (exactly)."""
    return None if rating is None else round(rating * 10)


def from_tenths(tenths: int | None) -> float | None:
    """Give back the rating of `to_tenths`."""
    return None if tenths is None else tenths / 10


def to_milliseconds(moment: datetime) -> datetime:
    """Cut a time to UTC milliseconds, the resolution that every store keeps."""
    utc = moment.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)
