"""The tail entry: one event as a member of Redis's sorted set `user:{id}:tail`, compact and exact.

A JSON array; positions are part of the contract, for server-side scripts read the first five:
[sequence, event_type, rating, previous_rating, genres, movie_id, movie_name, event_time, watched_at, added_at,
event_id, schema_version]. Ratings are whole tenths and times whole milliseconds since 1970, so no script ever meets a
fraction; null stands for none. The user is in the key, and so not in the entry.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

from cinematch.contracts.times import from_milliseconds, in_milliseconds
from cinematch.domain.events import Event, EventType, from_tenths, to_tenths


def encode(event: Event) -> bytes:
    """Write one event; `decode` gives an equal one back (its times have millisecond resolution)."""
    return orjson.dumps(
        [
            event.sequence,
            event.event_type.value,
            to_tenths(event.rating),
            to_tenths(event.previous_rating),
            event.genres,
            event.movie_id,
            event.movie_name,
            _milliseconds(event.event_time),
            _milliseconds(event.watched_at),
            _milliseconds(event.added_at),
            event.event_id,
            event.schema_version,
        ]
    )


def decode(user_id: str, fields: list[Any]) -> Event:
    """Read one entry of the user's tail once its JSON is read (trusted: `encode` wrote it)."""
    sequence, kind, rating, previous, genres, movie_id, name, *times, event_id, version = fields
    return Event(
        event_id=event_id,
        event_type=EventType(kind),
        user_id=user_id,
        movie_id=movie_id,
        movie_name=name,
        genres=tuple(genres),
        rating=from_tenths(rating),
        previous_rating=from_tenths(previous),
        sequence=sequence,
        event_time=from_milliseconds(times[0]),
        watched_at=_moment(times[1]),
        added_at=_moment(times[2]),
        schema_version=version,
    )


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else in_milliseconds(moment)


def _moment(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else from_milliseconds(milliseconds)
