"""The document `global_trends`, assembled from the counts."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from cinematch.adapters.mongodb_trend_counts import TrendState
from cinematch.domain.statistics import genre_rows
from cinematch.domain.trends import TREND_PLACES, FilmCount

BUDGET_BYTES: Final = 14 * 1024 * 1024
"""For `movie_counts` and `poster_cache`: MongoDB's limit is 16 MiB for the whole document."""


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
    - movie_counts: movie_id -> lists; poster_cache: movie_id -> poster, for films that have one. Beyond
      `budget_bytes` only the most popular films are listed, and movie_counts_complete is False; nothing is lost, for
      the counts themselves are in a collection
    - genre_counts: genre -> list entries
    - total_movies_analyzed: list entries that the counts hold
    - source, window_start (additions since then count), updated_at (ISO 8601 with offset)
    """
    top: list[FilmCount] = []
    counts: dict[str, int] = {}
    posters: dict[str, str] = {}
    remaining = budget_bytes
    for film in state.films:
        if len(top) < TREND_PLACES:
            top.append(film)
        remaining -= film_bytes(film)
        if remaining < 0:
            break
        counts[film.movie_id] = film.count
        if film.poster_path is not None:
            posters[film.movie_id] = film.poster_path
    return {
        "top_movies": [asdict(film) for film in top],
        "trending_genres": genre_rows(state.genres)[:TREND_PLACES],
        "movie_counts": counts,
        "movie_counts_complete": remaining >= 0,
        "poster_cache": posters,
        "genre_counts": dict(state.genres),
        "total_movies_analyzed": state.entries,
        "source": source.value,
        "window_start": window_start,
        "updated_at": now.astimezone(UTC).isoformat(timespec="milliseconds"),
    }


def film_bytes(film: FilmCount) -> int:
    """Give what a film takes in BSON: in movie_counts type, name, zero and a number; in poster_cache also a text."""
    name = 1 + len(film.movie_id.encode()) + 1
    poster = name + 4 + len(film.poster_path.encode()) + 1 if film.poster_path is not None else 0
    return name + 8 + poster
