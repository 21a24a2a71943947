"""The document `global_trends`, assembled from the counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from itertools import chain, islice
from typing import Any, Final

from cinematch.adapters.mongodb_trend_counts import TrendState
from cinematch.domain.statistics import genre_rows
from cinematch.domain.trends import TREND_PLACES, FilmCount

BUDGET_BYTES: Final = 14 * 1024 * 1024
"""For `genre_counts`, `movie_counts` and `poster_cache`: MongoDB's limit is 16 MiB for the whole document."""
GENRES_PART: Final = 8
"""Genres take an eighth of the budget at most, which is 13,000 names of 128 letters; the films have the rest."""


class Source(StrEnum):
    """What the document was last made from."""

    BOOTSTRAP = "bootstrap"
    STREAM = "streaming_incremental"


def trends_document(
    state: TrendState, source: Source, window_start: datetime, now: datetime, budget_bytes: int = BUDGET_BYTES
) -> dict[str, Any]:
    """Assemble the document (without `type`).

    - top_movies: the 10 films in most lists [{movie_id, title, poster_path, year, count}]; ties: title, then movie_id
    - trending_genres: the 10 most frequent [{genre, count, percentage}]; percentage of all mentions; ties: name
    - movie_counts: movie_id -> lists; poster_cache: movie_id -> poster, for films that have one
    - genre_counts: genre -> list entries
    - total_movies_analyzed: list entries that the counts hold
    - source, window_start (additions since then count), updated_at (ISO 8601 with offset)

    Beyond `budget_bytes` the maps list only the most popular films and the most frequent genres, and
    movie_counts_complete or genre_counts_complete is False. Nothing is lost, for the counts themselves are in
    collections, and everything else is made of all of them.
    """
    ranked = genre_rows(state.genres)
    genres = _listed_genres(ranked, budget_bytes // GENRES_PART)
    top = list(islice(state.films, TREND_PLACES))
    counts: dict[str, int] = {}
    posters: dict[str, str] = {}
    remaining = budget_bytes - sum(map(count_bytes, genres))
    for film in chain(top, state.films):
        remaining -= film_bytes(film)
        if remaining < 0:
            break
        counts[film.movie_id] = film.count
        if film.poster_path is not None:
            posters[film.movie_id] = film.poster_path
    return {
        "top_movies": [asdict(film) for film in top],
        "trending_genres": ranked[:TREND_PLACES],
        "movie_counts": counts,
        "movie_counts_complete": remaining >= 0,
        "poster_cache": posters,
        "genre_counts": genres,
        "genre_counts_complete": len(genres) == len(ranked),
        "total_movies_analyzed": state.entries,
        "source": source.value,
        "window_start": window_start,
        "updated_at": now.astimezone(UTC).isoformat(timespec="milliseconds"),
    }


def film_bytes(film: FilmCount) -> int:
    """Give what a film takes in BSON: its number in movie_counts; in poster_cache type, name, zero and a text."""
    if film.poster_path is None:
        return count_bytes(film.movie_id)
    return count_bytes(film.movie_id) + _name_bytes(film.movie_id) + 4 + len(film.poster_path.encode()) + 1


def count_bytes(name: str) -> int:
    """Give what a number under this name takes in BSON, at most."""
    return _name_bytes(name) + 8


def _name_bytes(name: str) -> int:
    return 1 + len(name.encode()) + 1


def _listed_genres(ranked: Sequence[Mapping[str, Any]], budget_bytes: int) -> dict[str, int]:
    """Give the counts of the first genres, as many as fit into the budget."""
    listed: dict[str, int] = {}
    for row in ranked:
        budget_bytes -= count_bytes(row["genre"])
        if budget_bytes < 0:
            break
        listed[row["genre"]] = row["count"]
    return listed
