"""The bootstrap on a real MongoDB: once, resumable, shared, and exact beside events that are in flight."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from cinematch.adapters.mongodb_trend_counts import TrendCounts
from cinematch.adapters.mongodb_trends import GlobalTrends
from cinematch.adapters.mongodb_trends_bootstrap import RangeLimits, TrendsBootstrap
from cinematch.domain.changes import AddFilm, RemoveFilm
from cinematch.domain.events import Event, to_milliseconds
from cinematch.domain.trends import WINDOW, TrendIncrements
from micro_batch.bootstrap import bootstrap_global_stats
from tests.micro_batch_stage import FILMS, Stage

pytestmark = pytest.mark.integration


@pytest.fixture
def trends(stage: Stage) -> GlobalTrends:
    return GlobalTrends(stage.client, stage.settings.mongodb_database)


def a_bootstrap(stage: Stage, users: int = 3, entries: int = 25) -> TrendsBootstrap:
    return TrendsBootstrap(stage.client, stage.settings.mongodb_database, RangeLimits(users, entries))


def stream(stage: Stage, trends: GlobalTrends, events: list[Event]) -> int:
    """Count a log as the stream does, in small batches."""
    window_start = trends.window_start()
    assert window_start is not None
    return sum(trends.count(events[start : start + 7], window_start) for start in range(0, len(events), 7))


def age(stage: Stage, user_id: str, movie_id: str, days: int) -> None:
    """Let an entry have been added long ago."""
    added_at = to_milliseconds(datetime.now(UTC) - timedelta(days=days))
    stage.database.movies.update_one({"user_id": user_id, "movie_id": movie_id}, {"$set": {"added_at": added_at}})


def test_an_empty_database_has_empty_trends(stage: Stage, trends: GlobalTrends) -> None:
    before = datetime.now(UTC)
    window_start = bootstrap_global_stats(trends, a_bootstrap(stage))
    assert before - WINDOW - timedelta(milliseconds=1) <= window_start <= datetime.now(UTC) - WINDOW
    document = stage.trends()
    assert (document["top_movies"], document["trending_genres"], document["source"]) == ([], [], "bootstrap")
    assert datetime.fromisoformat(document["updated_at"]).utcoffset() == timedelta(0)


def test_the_last_30_days_are_counted_and_every_sequence_is_noted(stage: Stage, trends: GlobalTrends) -> None:
    stage.live([f"user-{n}" for n in range(10)], 200, seed=4)
    for movie in stage.database.movies.find().limit(12):
        age(stage, movie["user_id"], movie["movie_id"], 31)

    bootstrap_global_stats(trends, a_bootstrap(stage))

    stage.assert_trends_equal_a_recount()
    assert stage.trends_are_complete()
    assert stage.trends()["source"] == "bootstrap"
    assert sum(stage.counts()[0].values()) == stage.database.movies.count_documents({}) - 12


def test_it_happens_once_ever(stage: Stage, trends: GlobalTrends) -> None:
    stage.change("ann", AddFilm(FILMS[0]))
    first = bootstrap_global_stats(trends, a_bootstrap(stage))
    document = stage.trends()
    stage.change("ann", AddFilm(FILMS[1]))
    assert bootstrap_global_stats(trends, a_bootstrap(stage)) == first
    assert stage.trends() == document


def test_events_in_flight_count_once_before_between_and_after_the_ranges(stage: Stage, trends: GlobalTrends) -> None:
    """New users appear on both sides of the position, and all events reach the stream, from the first one on."""
    users = [f"user-{n:02}" for n in range(12)]
    events = stage.live(users, 80, seed=5)
    bootstrap = a_bootstrap(stage)
    window_start = bootstrap.begin(datetime.now(UTC) - WINDOW)
    newcomers = [f"user-{n:02}-new" for n in range(12)]
    for turn in range(3):
        assert bootstrap.count_range()
        events += stage.live(users + newcomers, 40, seed=6 + turn)

    assert bootstrap_global_stats(trends, a_bootstrap(stage)) == to_milliseconds(window_start)
    counted_by_the_bootstrap = sum(stage.database.global_progress.distinct("sequence"))
    assert counted_by_the_bootstrap > 0
    events += stage.live(users, 40, seed=9)
    assert 0 < stream(stage, trends, events) < len(events)
    assert stage.counts() == stage.expected_counts(window_start)
    assert stream(stage, trends, events) == 0


def test_one_that_was_cut_off_goes_on_with_its_window(stage: Stage, trends: GlobalTrends) -> None:
    stage.live([f"user-{n}" for n in range(10)], 150, seed=10)
    cut_off = a_bootstrap(stage)
    long_ago = to_milliseconds(datetime.now(UTC) - timedelta(days=33))
    cut_off.begin(long_ago)
    cut_off.count_range()
    assert stage.database.global_stats.count_documents({}) == 0

    assert bootstrap_global_stats(trends, a_bootstrap(stage)) == long_ago
    stage.assert_trends_equal_a_recount()


def test_a_range_ends_where_it_is_full_of_users_or_of_entries(stage: Stage, trends: GlobalTrends) -> None:
    for user_id in ("a", "b", "c", "d", "e"):
        stage.change(user_id, AddFilm(FILMS[0]))
    stage.change("c", *(AddFilm(film) for film in FILMS))
    bootstrap = a_bootstrap(stage, users=2, entries=5)
    bootstrap.begin(datetime.now(UTC) - WINDOW)
    assert [bootstrap.count_range() for _ in range(4)] == [2, 1, 2, 0]  # a b, then the long list of c, then d e
    assert bootstrap.count_range() is None
    bootstrap_global_stats(trends, bootstrap)
    stage.assert_trends_equal_a_recount()


def test_a_failure_inside_a_range_or_a_batch_leaves_nothing_of_it(
    stage: Stage, trends: GlobalTrends, monkeypatch: pytest.MonkeyPatch
) -> None:
    class PowerCut(Exception):
        pass

    def apply_and_fail(counts: TrendCounts, increments: TrendIncrements, session: ClientSession) -> None:
        apply(counts, increments, session)
        raise PowerCut

    apply = TrendCounts.apply
    stage.live(["ann", "bob"], 30, seed=12)
    bootstrap = a_bootstrap(stage)
    window_start = bootstrap.begin(datetime.now(UTC) - WINDOW)
    with monkeypatch.context() as patched:
        patched.setattr(TrendCounts, "apply", apply_and_fail)
        with pytest.raises(PowerCut):
            bootstrap.count_range()
        assert stage.counts() == ({}, {})
        assert stage.database.global_progress.count_documents({}) == 0

    bootstrap_global_stats(trends, bootstrap)
    later = stage.live(["ann", "bob"], 30, seed=13)
    before = stage.counts()
    with monkeypatch.context() as patched:
        patched.setattr(TrendCounts, "apply", apply_and_fail)
        with pytest.raises(PowerCut):
            trends.count(later, window_start)
    assert stage.counts() == before
    assert trends.count(later, window_start) == len(later)
    assert stage.counts() == stage.expected_counts(window_start)


class WritesOf(CommandListener):
    """Notes each write: the collection, and whether it is part of a transaction."""

    def __init__(self) -> None:
        self.seen: set[tuple[str, bool]] = set()

    def started(self, event: CommandStartedEvent) -> None:
        if event.command_name in ("insert", "update", "delete", "findAndModify"):
            self.seen.add((event.command[event.command_name], event.command.get("autocommit") is False))

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Noted when it started."""

    def failed(self, event: CommandFailedEvent) -> None:
        """Noted when it started."""


def test_counts_progress_and_position_are_written_in_transactions_only(stage: Stage, trends: GlobalTrends) -> None:
    stage.live(["ann", "bob"], 20, seed=14)
    a_bootstrap(stage).begin(datetime.now(UTC) - WINDOW)
    writes = WritesOf()
    with MongoClient[dict[str, Any]](stage.settings.mongodb_url, tz_aware=True, event_listeners=[writes]) as client:
        name = stage.settings.mongodb_database
        while TrendsBootstrap(client, name, RangeLimits(1, 5)).count_range() is not None:
            pass
        GlobalTrends(client, name).count(stage.live(["ann", "bob"], 20, seed=15), datetime.now(UTC) - WINDOW)
    names = ("global_bootstrap", "global_genre_counts", "global_movie_counts", "global_progress")
    assert writes.seen == {(collection, True) for collection in names}


def test_several_at_once_share_the_work_and_count_once(stage: Stage) -> None:
    stage.live([f"user-{n}" for n in range(20)], 200, seed=11)
    windows: list[datetime] = []

    def copy() -> None:
        own = GlobalTrends(stage.client, stage.settings.mongodb_database)
        windows.append(bootstrap_global_stats(own, a_bootstrap(stage, users=2)))
        assert own.window_start() is not None

    copies = [threading.Thread(target=copy) for _ in range(3)]
    for thread in copies:
        thread.start()
    for thread in copies:
        thread.join()
    assert len(windows) == 3
    assert len(set(windows)) == 1
    stage.assert_trends_equal_a_recount()
    assert stage.trends_are_complete()


def test_removing_a_film_from_before_the_window_changes_no_count(stage: Stage, trends: GlobalTrends) -> None:
    stage.change("ann", AddFilm(FILMS[0]), AddFilm(FILMS[1]))
    age(stage, "ann", FILMS[0].movie_id, 45)
    window_start = bootstrap_global_stats(trends, a_bootstrap(stage))
    stream(stage, trends, stage.change("ann", RemoveFilm(FILMS[0].movie_id)))
    assert stage.counts() == stage.expected_counts(window_start)
    assert stage.counts()[0] == {FILMS[1].movie_id: 1}
