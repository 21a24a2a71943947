"""Habits: weeks, weekdays and decades of a list."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cinematch.domain.habits import WEEKS, habits
from cinematch.domain.watchlist import Film, ListEntry

TODAY = date(2026, 11, 24)  # a Tuesday
LAST = datetime(2026, 11, 29, 12, tzinfo=UTC)


def entry(movie_id: str, watched_at: datetime, rating_tenths: int | None = None) -> ListEntry:
    return ListEntry(movie_id, movie_id, (), rating_tenths, watched_at, watched_at)


def test_a_week_begins_on_monday_and_the_last_one_is_that_of_today() -> None:
    sunday, monday = datetime(2026, 11, 22, 23, 59, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC)
    found = habits([entry("a", sunday), entry("b", monday), entry("c", monday)], {}, TODAY)
    assert len(found["films_per_week"]) == WEEKS
    assert found["films_per_week"][-2:] == [
        {"week": date(2026, 11, 16), "count": 1},
        {"week": date(2026, 11, 23), "count": 2},
    ]
    assert found["films_per_weekday"] == [2, 0, 0, 0, 0, 0, 1]


def test_a_decade_has_its_count_and_the_mean_of_its_rated_films() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    years = {"a": 1990, "b": 1999, "c": 2000, "d": None}
    films = {movie_id: Film(movie_id, movie_id, year) for movie_id, year in years.items()}
    found = habits(
        [entry("a", now, 80), entry("b", now), entry("c", now), entry("d", now), entry("e", now)], films, TODAY
    )
    assert found["decades"] == [
        {"decade": 1990, "count": 2, "avg_rating": 8.0},
        {"decade": 2000, "count": 1, "avg_rating": None},
    ]


@given(st.lists(st.integers(0, 2_500).map(lambda days: LAST - timedelta(days=days)), max_size=50))
def test_every_film_has_one_weekday_and_at_most_one_week(times: list[datetime]) -> None:
    found = habits([entry(str(n), time) for n, time in enumerate(times)], {}, TODAY)
    assert sum(found["films_per_weekday"]) == len(times)
    oldest = found["films_per_week"][0]["week"]
    assert sum(week["count"] for week in found["films_per_week"]) == sum(time.date() >= oldest for time in times)


def test_nobody_has_watched_anything_in_an_empty_list() -> None:
    found = habits([], {}, TODAY)
    assert {week["count"] for week in found["films_per_week"]} == {0}
    assert (found["films_per_weekday"], found["decades"]) == ([0] * 7, [])
