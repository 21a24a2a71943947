"""The global trends on a real MongoDB: counts equal a recount, for any grouping, repetition and company."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cinematch.adapters.mongodb_trend_counts import TrendCounts
from cinematch.adapters.mongodb_trends import GlobalTrends
from cinematch.domain.changes import AddFilm, RemoveFilm
from cinematch.domain.events import Event
from cinematch.domain.trends import TrendIncrements
from micro_batch.trends_document import Source, trends_document
from tests.micro_batch_stage import FILMS, UNKNOWN, Stage
from tests.strategies import EPOCH, catalogs, event_logs
from tests.trend_counts import recount

pytestmark = pytest.mark.integration
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def trends(stage: Stage) -> GlobalTrends:
    return GlobalTrends(stage.client, stage.settings.mongodb_database)


def publish(trends: GlobalTrends, window_start: datetime = LONG_AGO, now: datetime | None = None) -> None:
    now = now or datetime.now(UTC)
    trends.publish(partial(trends_document, source=Source.STREAM, window_start=window_start, now=now))


@contextmanager
def emptied(stage: Stage) -> Iterator[None]:
    """Empty the trends' state before an example, for all examples share one database."""
    for name in ("global_movie_counts", "global_genre_counts", "global_progress", "global_stats"):
        stage.database[name].delete_many({})
    yield


@st.composite
def logs_of_several_users(draw: st.DrawFn) -> list[list[Event]]:
    catalog = draw(catalogs(6))
    return [draw(event_logs(catalog, user_id, 15)) for user_id in ("ann", "b.o$b", "$eve")]


def interleaved(logs: Sequence[list[Event]]) -> list[Event]:
    longest = max(map(len, logs))
    return [log[turn] for turn in range(longest) for log in logs if turn < len(log)]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(logs_of_several_users(), st.lists(st.integers(1, 9), min_size=1), st.integers(0, 15), st.booleans())
def test_counts_equal_a_recount_for_any_batching_and_replay(
    stage: Stage, trends: GlobalTrends, logs: list[list[Event]], sizes: list[int], minutes: int, from_start: bool
) -> None:
    window_start = EPOCH + timedelta(minutes=minutes)
    events = interleaved(logs)
    with emptied(stage):
        position = turn = 0
        while position < len(events):
            size = sizes[turn % len(sizes)]
            trends.count(events[max(0, position - size) : position + size], window_start)  # the half before is a replay
            position, turn = position + size, turn + 1
        if from_start and events:  # a lost checkpoint
            assert trends.count(events, window_start) == 0
        assert stage.counts() == recount(logs, window_start)


def test_two_copies_counting_the_same_events_count_each_once(stage: Stage) -> None:
    events = stage.live([f"user-{n}" for n in range(6)], 300, seed=3)
    counted: list[int] = []

    def copy(seed: int) -> None:
        trends = GlobalTrends(stage.client, stage.settings.mongodb_database)
        chance = random.Random(seed)
        position = 0
        while position < len(events):
            size = chance.randint(1, 40)
            counted.append(trends.count(events[position : position + size], LONG_AGO))
            publish(trends)
            position += size

    copies = [threading.Thread(target=copy, args=(seed,)) for seed in range(3)]
    for thread in copies:
        thread.start()
    for thread in copies:
        thread.join()

    assert sum(counted) == len(events)
    stage.assert_trends_equal_a_recount()


def test_an_event_that_was_damaged_on_its_way_is_counted_with_the_next_and_not_again(
    stage: Stage, trends: GlobalTrends
) -> None:
    ann, bob = [stage.change(user, *(AddFilm(film) for film in FILMS[:4])) for user in ("ann", "bob")]
    assert trends.count([ann[0], ann[3], bob[2]], LONG_AGO) == 7
    assert stage.counts() == recount([ann, bob[:3]], LONG_AGO)
    assert trends.count([*ann, *bob], LONG_AGO) == 1  # the redriven letters, and what comes next
    publish(trends)
    stage.assert_trends_equal_a_recount()


def test_what_the_outbox_no_longer_has_does_not_stop_the_stream(stage: Stage, trends: GlobalTrends) -> None:
    events = stage.change("ann", *(AddFilm(film) for film in FILMS[:3]))
    stage.database.outbox.delete_one({"_id": events[1].event_id})
    assert trends.count([events[0], events[2]], LONG_AGO) == 2
    assert list(stage.database.global_progress.find()) == [{"_id": "ann", "sequence": 3}]


def test_a_poster_is_looked_up_for_the_first_count_only(stage: Stage, trends: GlobalTrends) -> None:
    film = FILMS[2]
    trends.count(stage.change("ann", AddFilm(film)), LONG_AGO)
    stage.database.catalog.update_one({"_id": film.movie_id}, {"$set": {"poster_path": "/posters/new.svg"}})
    trends.count(stage.change("bob", AddFilm(film)), LONG_AGO)
    publish(trends)
    assert stage.trends()["poster_cache"] == {film.movie_id: "/posters/twin-1.svg"}

    trends.count(stage.change("ann", RemoveFilm(film.movie_id)), LONG_AGO)
    trends.count(stage.change("bob", RemoveFilm(film.movie_id)), LONG_AGO)
    publish(trends)
    assert stage.trends()["movie_counts"] == {}
    assert stage.trends()["poster_cache"] == {}

    trends.count(stage.change("eve", AddFilm(film)), LONG_AGO)
    publish(trends)
    assert stage.trends()["poster_cache"] == {film.movie_id: "/posters/new.svg"}


def test_two_films_of_one_title_stay_two_and_hostile_names_are_names(stage: Stage, trends: GlobalTrends) -> None:
    for user_id in ("ann", "bob"):
        trends.count(stage.change(user_id, *(AddFilm(film) for film in (*FILMS[:4], UNKNOWN))), LONG_AGO)
    publish(trends)
    document = stage.trends()
    assert document["movie_counts"] == {"$m": 2, "a.b": 2, "twin-1": 2, "twin-2": 2, "unlisted": 2}
    assert document["genre_counts"] == {"$.Noir": 2, "Action": 2, "Comedy": 2, "Crime": 2, "Drama": 2}
    assert [film["movie_id"] for film in document["top_movies"]] == ["$m", "unlisted", "a.b", "twin-1", "twin-2"]
    assert document["top_movies"][0] == {
        "movie_id": "$m",
        "title": "$",
        "count": 2,
        "poster_path": None,
        "year": 1971,
    }
    assert document["movie_counts_complete"] is True


def test_counts_stop_at_zero_where_their_document_goes(stage: Stage) -> None:
    counts = TrendCounts(stage.database)
    with stage.client.start_session() as session:
        for change in (2, -5):
            increments = TrendIncrements(titles={"a": "A"})
            increments.movies["a"] = increments.genres["Drama"] = change
            session.with_transaction(partial(counts.apply, increments))
    assert stage.counts() == ({}, {})


def test_the_document_never_goes_back(stage: Stage, trends: GlobalTrends) -> None:
    """A second copy counts and publishes while the first, which has read the counts already, is about to publish."""
    trends.count(stage.change("ann", AddFilm(FILMS[0])), LONG_AGO)
    other = GlobalTrends(stage.client, stage.settings.mongodb_database)
    seen: list[int] = []

    def slowly(state: object) -> dict[str, object]:
        document = trends_document(state, Source.STREAM, LONG_AGO, datetime.now(UTC))  # type: ignore[arg-type]
        seen.append(document["total_movies_analyzed"])
        if len(seen) == 1:
            other.count(stage.change("bob", AddFilm(FILMS[0])), LONG_AGO)
            publish(other)
        return document

    trends.publish(slowly)
    assert seen == [1, 2]
    assert stage.trends()["movie_counts"] == {FILMS[0].movie_id: 2}


def test_the_top_of_the_day_before_is_kept_until_the_next_day_ends(stage: Stage, trends: GlobalTrends) -> None:
    evening = datetime(2026, 1, 19, 23, 59, 59, tzinfo=UTC)
    first, second = FILMS[:2]

    def published_at(now: datetime) -> tuple[list[str], list[str] | None, str | None]:
        publish(trends, now=now)
        shown = stage.trends()
        return [film["movie_id"] for film in shown["top_movies"]], shown["previous_top"], shown["compared_with"]

    trends.count(stage.change("ann", AddFilm(second)), LONG_AGO)
    assert published_at(evening - timedelta(hours=1)) == ([second.movie_id], None, None)
    trends.count(stage.change("bob", AddFilm(first), AddFilm(second)), LONG_AGO)
    top = [second.movie_id, first.movie_id]
    assert published_at(evening) == (top, None, None)
    trends.count(stage.change("eve", AddFilm(first)), LONG_AGO)
    trends.count(stage.change("ann", RemoveFilm(second.movie_id)), LONG_AGO)
    counted_at = "2026-01-19T23:59:59.000+00:00"
    for hours in (1, 12):
        assert published_at(evening + timedelta(hours=hours)) == (top[::-1], top, counted_at)
    assert published_at(evening + timedelta(days=1, seconds=1))[1] == top[::-1]


def test_films_of_one_title_have_their_years(stage: Stage, trends: GlobalTrends) -> None:
    trends.count(stage.change("ann", *(AddFilm(film) for film in (FILMS[2], FILMS[3], UNKNOWN))), LONG_AGO)
    publish(trends)
    years = {film["movie_id"]: film["year"] for film in stage.trends()["top_movies"]}
    assert years == {film.movie_id: film.year for film in (FILMS[2], FILMS[3])} | {UNKNOWN.movie_id: None}
