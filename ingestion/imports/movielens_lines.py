"""The rows of MovieLens files in their published layout: movies.csv, ratings.csv, links.csv."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple, TypeVar

from pydantic import TypeAdapter, ValidationError

from cinematch.contracts.event_codec import Genres, Identifier, Moment, Title
from cinematch.domain.watchlist import Film
from ingestion.imports.repair import repaired
from ingestion.imports.rows import UnusableRow, chosen

MOVIE_COLUMNS: Final = ("movieId", "title", "genres")
RATING_COLUMNS: Final = ("userId", "movieId", "rating", "timestamp")
LINK_COLUMNS: Final = ("movieId", "imdbId", "tmdbId")
NO_GENRES: Final = "(no genres listed)"

_IDENTIFIER: Final = TypeAdapter[str](Identifier)
_MOMENT: Final = TypeAdapter[datetime](Moment)
_TITLE: Final = TypeAdapter[str](Title)
_GENRES: Final = TypeAdapter[list[str]](Genres)
_YEAR: Final = re.compile(r"^(?P<title>.*\S)\s*\((?P<year>[0-9]{4})(?:\s*[-–]\s*(?:[0-9]{4})?)?\)$")
_NUMBER: Final = re.compile(r"[0-9]{1,3}(\.[0-9]{1,9})?")
_STARS_MIN, _STARS_MAX = Decimal("0.5"), Decimal(5)
_FIRST_SECOND: Final = 788_918_400  # 1995, when MovieLens began: less is what a file that was cut has left of a time
_LAST_SECOND: Final = 253_402_300_799  # 9999-12-31T23:59:59Z: what a datetime can hold

Parsed = TypeVar("Parsed")


class StarRating(NamedTuple):
    """A row of ratings.csv on our scale: `tenths` is the doubled rating, in tenths (5 to 100)."""

    user_id: str
    movie_id: str
    tenths: int
    watched_at: datetime


class Links(NamedTuple):
    """A row of links.csv; an id that the file leaves out is None."""

    movie_id: str
    imdb_id: str | None
    tmdb_id: str | None

    def ids(self) -> dict[str, str]:
        """Give the known ids by field name."""
        return {name: value for name in ("imdb_id", "tmdb_id") if (value := getattr(self, name))}


def movie_parser(places: Sequence[int]) -> Callable[[str], Film]:
    """Give the parser of movies.csv whose columns are at `places`."""

    def parse(line: str) -> Film:
        movie_id, text, genres = chosen(line, places)
        title, year = split_year(repaired(text))
        if not title:
            raise UnusableRow("title: must not be empty")
        return Film(
            movie_id=_checked(_IDENTIFIER, "movieId", movie_id),
            title=_checked(_TITLE, "title", title),
            year=year,
            genres=() if genres in ("", NO_GENRES) else tuple(_genres(genres)),
        )

    return parse


def rating_parser(places: Sequence[int]) -> Callable[[str], StarRating]:
    """Give the parser of ratings.csv whose columns are at `places`."""

    def parse(line: str) -> StarRating:
        user_id, movie_id, stars, timestamp = chosen(line, places)
        return StarRating(
            _checked(_IDENTIFIER, "userId", user_id),
            _checked(_IDENTIFIER, "movieId", movie_id),
            doubled_tenths(stars),
            moment(timestamp),
        )

    return parse


def link_parser(places: Sequence[int]) -> Callable[[str], Links]:
    """Give the parser of links.csv whose columns are at `places`."""

    def parse(line: str) -> Links:
        movie_id, imdb, tmdb = chosen(line, places)
        for name, number in (("imdbId", imdb), ("tmdbId", tmdb)):
            if number and not (number.isascii() and number.isdigit() and len(number) < 20):
                raise UnusableRow(f"{name}: must be a whole number")
        return Links(_checked(_IDENTIFIER, "movieId", movie_id), f"tt{imdb}" if imdb else None, tmdb or None)

    return parse


def split_year(text: str) -> tuple[str, int | None]:
    """Take the year off a title: "Heat (1995)" -> ("Heat", 1995); of a series "(1975-1979)" the first year counts.

    A title without a year, or of nothing but one, stays as it is.
    """
    text = text.strip()
    match = _YEAR.match(text)
    return (match["title"], int(match["year"])) if match else (text, None)


def doubled_tenths(stars: str) -> int:
    """Give a rating of half a star to five as tenths of our scale of 0.5 to 10, which is twice theirs.

    Raises UnusableRow when it is no number of this range, or finer than our scale.
    """
    if not _NUMBER.fullmatch(stars) or not _STARS_MIN <= Decimal(stars) <= _STARS_MAX:
        raise UnusableRow("rating: must be a number from 0.5 to 5")
    tenths = Decimal(stars) * 20
    if tenths != int(tenths):
        raise UnusableRow("rating: must have at most one decimal once it is doubled")
    return int(tenths)


def moment(timestamp: str) -> datetime:
    """Give the time of a number of seconds since 1970 (UTC). Raises UnusableRow."""
    is_number = timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 13
    if not is_number or not _FIRST_SECOND <= int(timestamp) <= _LAST_SECOND:
        raise UnusableRow("timestamp: must be seconds since 1970, and not before 1995")
    return _checked(_MOMENT, "timestamp", datetime.fromtimestamp(int(timestamp), UTC))


def _genres(text: str) -> list[str]:
    names = dict.fromkeys(name.strip() for name in repaired(text).split("|"))
    return _checked(_GENRES, "genres", [name for name in names if name])


def _checked(adapter: TypeAdapter[Parsed], name: str, value: Any) -> Parsed:
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise UnusableRow(f"{name}: {error.errors(include_input=False, include_url=False)[0]['msg']}") from None
