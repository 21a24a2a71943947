"""Reads the answer of the script `read` into a SpeedSnapshot; shared by the sync and the async reader."""

from __future__ import annotations

from operator import index

import orjson

from cinematch.contracts import speed_entry
from cinematch.contracts.speed_view import SpeedSnapshot
from cinematch.errors import CineMatchError, DamagedView


def to_snapshot(user_id: str, answer: bytes | None) -> SpeedSnapshot | None:
    """Give the snapshot; None when the user has no keys. Raises DamagedView."""
    if answer is None:
        return None
    try:
        return _snapshot(user_id, answer)
    except (ArithmeticError, CineMatchError, LookupError, TypeError, ValueError) as error:
        raise DamagedView(user_id, repr(error)) from error


def _snapshot(user_id: str, answer: bytes) -> SpeedSnapshot:
    speed, genres, tail = orjson.loads(answer)
    base, last, films, rated, rating_sum = speed
    return SpeedSnapshot(
        base_sequence=index(base),
        last_sequence=index(last),
        movie_count=index(films),
        rating_count=index(rated),
        rating_sum_tenths=round(float(rating_sum) * 10),
        genres={genre: int(count) for genre, count in zip(genres[::2], genres[1::2], strict=True)},
        tail=tuple(speed_entry.decode(user_id, entry) for entry in tail),
    )
