"""Reads the answer of the script `read` into a SpeedSnapshot; shared by the sync and the async reader."""

from __future__ import annotations

from collections.abc import Sequence

from cinematch.contracts import speed_entry
from cinematch.contracts.speed_view import SpeedSnapshot
from cinematch.errors import CineMatchError, DamagedView

Answer = tuple[Sequence[bytes], Sequence[bytes], Sequence[bytes]]


def to_snapshot(user_id: str, answer: Answer | None) -> SpeedSnapshot | None:
    """Give the snapshot; None when the user has no keys. Raises DamagedView."""
    if answer is None:
        return None
    try:
        return _snapshot(user_id, answer)
    except (ArithmeticError, CineMatchError, LookupError, TypeError, ValueError) as error:
        raise DamagedView(user_id, repr(error)) from error


def _snapshot(user_id: str, answer: Answer) -> SpeedSnapshot:
    speed, genres, tail = answer
    base, last, films, rated, rating_sum = speed
    return SpeedSnapshot(
        base_sequence=int(base),
        last_sequence=int(last),
        movie_count=int(films),
        rating_count=int(rated),
        rating_sum_tenths=round(float(rating_sum) * 10),
        genres={genre.decode(): int(count) for genre, count in zip(genres[::2], genres[1::2], strict=True)},
        tail=tuple(speed_entry.decode(user_id, entry) for entry in tail),
    )
