"""Trends: counts equal a recount of the lists, however the log is cut and repeated."""

from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cinematch.domain.events import Event
from cinematch.domain.trends import Hole, compared, holes, trend_increments
from cinematch.domain.watchlist import replay
from tests.histories import add, delete, update
from tests.strategies import EPOCH, catalogs, event_logs

USERS = ("ann", "bob", "eve")


@st.composite
def logs_of_several_users(draw: st.DrawFn) -> list[list[Event]]:
    catalog = draw(catalogs(6))
    return [draw(event_logs(catalog, user_id, 25)) for user_id in USERS]


def recount(logs: list[list[Event]], window_start: object) -> tuple[Counter[str], Counter[str]]:
    movies: Counter[str] = Counter()
    genres: Counter[str] = Counter()
    for log in logs:
        for entry in replay(log).entries.values():
            if entry.added_at >= window_start:  # type: ignore[operator]
                movies[entry.movie_id] += 1
                genres.update(entry.genres)
    return movies, genres


@given(logs_of_several_users(), st.lists(st.integers(1, 9), min_size=1), st.integers(0, 30))
def test_counts_equal_a_recount_for_any_batching_and_replay(
    logs: list[list[Event]], sizes: list[int], window_minutes: int
) -> None:
    window_start = EPOCH + timedelta(minutes=window_minutes)
    movies: Counter[str] = Counter()
    genres: Counter[str] = Counter()
    progress: dict[str, int] = {}
    interleaved = [event for events in zip_longest(logs) for event in events]
    position = turn = 0
    while position < len(interleaved):
        size = sizes[turn % len(sizes)]
        batch = interleaved[max(0, position - size) : position + size]  # the half before is a replay
        increments = trend_increments(batch, progress, window_start)
        movies.update(increments.movies)
        genres.update(increments.genres)
        progress.update(increments.progress)
        position, turn = position + size, turn + 1
    assert (+movies, +genres) == recount(logs, window_start)
    assert min([*movies.values(), *genres.values(), 0]) == 0


def zip_longest(logs: list[list[Event]]) -> list[list[Event]]:
    longest = max(map(len, logs))
    return [[log[turn] for log in logs if turn < len(log)] for turn in range(longest)]


def test_an_update_counts_nothing() -> None:
    first = add(1, "a", 5.0)
    assert not trend_increments([update(2, first, 6.0)], {"user": 1}, EPOCH).movies


def test_removing_a_film_from_before_the_window_counts_nothing() -> None:
    old = add(1, "a", added_at=EPOCH - timedelta(days=31))
    assert not trend_increments([delete(2, old)], {"user": 1}, EPOCH).movies


def test_progress_follows_events_that_count_nothing() -> None:
    assert trend_increments([update(2, add(1, "a"), 6.0)], {"user": 1}, EPOCH).progress == {"user": 2}


def test_holes_are_before_between_and_never_behind_what_is_counted() -> None:
    log = (("a", 2), ("a", 5), ("a", 5), ("b", 1))
    events = [add(sequence, f"m{sequence}", user_id=user) for user, sequence in log]
    assert holes(events, {"a": 3, "c": 9}) == [Hole("a", 3, 5)]
    assert holes(events, {}) == [Hole("a", 0, 2), Hole("a", 2, 5)]


MIDNIGHT = datetime(2026, 1, 20, tzinfo=UTC)


def published(counted_at: datetime, *movie_ids: str, **more: Any) -> dict[str, Any]:
    top = [{"movie_id": movie_id} for movie_id in movie_ids]
    return {"updated_at": counted_at.isoformat(), "top_movies": top, **more}


def test_the_first_trends_are_compared_with_nothing() -> None:
    nothing = {"previous_top": None, "compared_with": None}
    assert compared(None, MIDNIGHT) == nothing
    assert compared(published(MIDNIGHT, "a", "b"), MIDNIGHT + timedelta(hours=23)) == nothing


def test_when_the_day_has_passed_its_last_trends_are_compared_with_all_day() -> None:
    evening = MIDNIGHT - timedelta(seconds=1)
    first = compared(published(evening, "b", "a"), MIDNIGHT)
    assert first == {"previous_top": ["b", "a"], "compared_with": evening.isoformat()}
    for hours in (1, 23):
        now = MIDNIGHT + timedelta(hours=hours)
        assert compared(published(now - timedelta(minutes=1), "c", **first), now) == first
    assert compared(published(MIDNIGHT, "c", **first), MIDNIGHT + timedelta(days=3))["previous_top"] == ["c"]


def test_days_are_those_of_utc_and_a_clock_that_goes_back_ends_none() -> None:
    there = timezone(timedelta(hours=2))
    known = {"previous_top": ["z"], "compared_with": "2026-01-18T09:00:00+00:00"}
    late = published(MIDNIGHT.astimezone(there) - timedelta(hours=1), "a", **known)
    assert compared(late, MIDNIGHT - timedelta(minutes=30)) == known
    assert compared(late, MIDNIGHT.astimezone(there))["previous_top"] == ["a"]
    assert compared(published(MIDNIGHT, "a", **known), MIDNIGHT - timedelta(hours=1)) == known
