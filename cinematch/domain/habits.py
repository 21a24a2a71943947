"""When somebody watches, and films of which time: what a whole list tells beyond the statistics.

No merge is defined for these: they are computed from the list itself, which is small and exact at any moment. Days and
weeks are those of UTC, weeks begin on Monday.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any, Final

from cinematch.domain.statistics import mean_rating
from cinematch.domain.watchlist import Film, ListEntry

WEEKS: Final = 26
Habits = dict[str, Any]


def habits(entries: Iterable[ListEntry], films: Mapping[str, Film], today: date) -> Habits:
    """Give the habits of one list; `films` is the catalog by movie_id.

    - films_per_week: [{week, count}], the WEEKS weeks up to that of `today`, oldest first; `week` is its Monday
    - films_per_weekday: seven counts of the whole list, Monday first
    - decades: [{decade, count, avg_rating}] of the films whose year the catalog knows, oldest first; avg_rating is the
      mean of the rated ones with 2 decimals, None when none is rated
    """
    watched = list(entries)
    weeks = Counter(_monday(entry.watched_at.date()) for entry in watched)
    weekdays = Counter(entry.watched_at.weekday() for entry in watched)
    newest = _monday(today)
    shown = [newest - timedelta(weeks=ago) for ago in reversed(range(WEEKS))]
    return {
        "films_per_week": [{"week": week, "count": weeks[week]} for week in shown],
        "films_per_weekday": [weekdays[day] for day in range(7)],
        "decades": _decades(watched, films),
    }


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _decades(entries: Iterable[ListEntry], films: Mapping[str, Film]) -> list[dict[str, Any]]:
    by_decade: defaultdict[int, list[ListEntry]] = defaultdict(list)
    for entry in entries:
        film = films.get(entry.movie_id)
        if film is not None and film.year is not None:
            by_decade[film.year // 10 * 10].append(entry)
    return [
        {"decade": decade, "count": len(group), "avg_rating": _mean(group)}
        for decade, group in sorted(by_decade.items())
    ]


def _mean(entries: Iterable[ListEntry]) -> float | None:
    ratings = [entry.rating_tenths for entry in entries if entry.rating_tenths is not None]
    return mean_rating(sum(ratings), len(ratings))
