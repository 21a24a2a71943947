"""What can be added up and taken away again: counts and sums over list entries.

`Totals` is a commutative group under `+` and `-` with `Totals()` as its zero, so a total may be split anywhere,
summed in any order, and a removed entry is subtracted exactly. All figures are whole numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from cinematch.domain.watchlist import Film, ListEntry

Key = TypeVar("Key", int, str)


class Credit(NamedTuple):
    """What a person (director or actor) contributed to one list: films, of them rated, their ratings, minutes."""

    films: int = 0
    rated: int = 0
    rating_tenths: int = 0
    minutes: int = 0

    def plus(self, other: Credit, sign: int = 1) -> Credit:
        """Add (or with sign -1 subtract) another credit."""
        return Credit(  # written out: a batch does this for every person of every film of every user
            self.films + sign * other.films,
            self.rated + sign * other.rated,
            self.rating_tenths + sign * other.rating_tenths,
            self.minutes + sign * other.minutes,
        )


NO_CREDIT = Credit()


@dataclass(slots=True)
class Totals:
    """Group element over list entries.

    films: entries; rated: entries with a rating; rating_tenths: sum of ratings in tenths; minutes: runtime;
    histogram: bucket 1..10 -> rated entries with bucket-1 < rating <= bucket; genres: genre -> entries;
    directors, actors: name -> Credit. Keys whose value is zero are absent, so equal totals compare equal.
    """

    films: int = 0
    rated: int = 0
    rating_tenths: int = 0
    minutes: int = 0
    histogram: dict[int, int] = field(default_factory=dict)
    genres: dict[str, int] = field(default_factory=dict)
    directors: dict[str, Credit] = field(default_factory=dict)
    actors: dict[str, Credit] = field(default_factory=dict)

    @classmethod
    def of(cls, entries: Iterable[ListEntry], films: Mapping[str, Film]) -> Totals:
        """Add up entries; `films` gives the catalog by movie_id and may lack some (no runtime, no people)."""
        totals = cls()
        for entry in entries:
            totals.count(entry, films.get(entry.movie_id))
        return totals

    def count(self, entry: ListEntry, film: Film | None, sign: int = 1) -> None:
        """Add one entry in place, or take it away with sign -1."""
        tenths = entry.rating_tenths
        minutes = film.runtime_minutes if film else 0
        credit = Credit(sign, sign * (tenths is not None), sign * (tenths or 0), sign * minutes)
        self.films += credit.films
        self.rated += credit.rated
        self.rating_tenths += credit.rating_tenths
        self.minutes += credit.minutes
        if tenths is not None:
            _add_count(self.histogram, rating_bucket(tenths), sign)
        for genre in dict.fromkeys(entry.genres):
            _add_count(self.genres, genre, sign)
        if film:
            for name in dict.fromkeys(film.directors):
                _add_credit(self.directors, name, credit)
            for name in dict.fromkeys(film.actors):
                _add_credit(self.actors, name, credit)

    def __add__(self, other: Totals) -> Totals:
        return self._combined(other, 1)

    def __sub__(self, other: Totals) -> Totals:
        return self._combined(other, -1)

    def _combined(self, other: Totals, sign: int) -> Totals:
        return Totals(
            films=self.films + sign * other.films,
            rated=self.rated + sign * other.rated,
            rating_tenths=self.rating_tenths + sign * other.rating_tenths,
            minutes=self.minutes + sign * other.minutes,
            histogram=_combined_counts(self.histogram, other.histogram, sign),
            genres=_combined_counts(self.genres, other.genres, sign),
            directors=_combined_credits(self.directors, other.directors, sign),
            actors=_combined_credits(self.actors, other.actors, sign),
        )


def rating_bucket(tenths: int) -> int:
    """Give the histogram bucket 1..10 of a rating: the rating rounded up to a whole number."""
    return -(-tenths // 10)


def _add_count(counts: dict[Key, int], key: Key, delta: int) -> None:
    counts[key] = counts.get(key, 0) + delta
    if counts[key] == 0:
        del counts[key]


def _add_credit(credits: dict[str, Credit], name: str, delta: Credit, sign: int = 1) -> None:
    before = credits.get(name)
    if before is None and sign == 1:
        credits[name] = delta
        return
    after = (before or NO_CREDIT).plus(delta, sign)
    if after == NO_CREDIT:
        credits.pop(name, None)
    else:
        credits[name] = after


def _combined_counts(mine: dict[Key, int], other: dict[Key, int], sign: int) -> dict[Key, int]:
    combined = dict(mine)
    for key, count in other.items():
        _add_count(combined, key, sign * count)
    return combined


def _combined_credits(mine: dict[str, Credit], other: dict[str, Credit], sign: int) -> dict[str, Credit]:
    combined = dict(mine)
    for name, credit in other.items():
        _add_credit(combined, name, credit, sign)
    return combined
