"""What the global trends must say of given logs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from cinematch.domain.events import Event
from cinematch.domain.watchlist import replay


def recount(logs: Iterable[list[Event]], window_start: datetime) -> tuple[Counter[str], Counter[str]]:
    """Count films and genres of the lists that the logs leave, additions since `window_start` only."""
    movies: Counter[str] = Counter()
    genres: Counter[str] = Counter()
    for log in logs:
        for entry in replay(log).entries.values():
            if entry.added_at >= window_start:
                movies[entry.movie_id] += 1
                genres.update(entry.genres)
    return movies, genres
