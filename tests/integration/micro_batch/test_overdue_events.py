"""Events that Kafka had and the views do not, on a real MongoDB: none waits for its user's next event."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cinematch.adapters.mongodb_client import connect
from cinematch.adapters.mongodb_trends import GlobalTrends
from cinematch.adapters.mongodb_trends_bootstrap import TrendsBootstrap
from cinematch.domain.changes import AddFilm, RemoveFilm
from cinematch.domain.events import Event
from cinematch.errors import StoreUnavailable
from cinematch.local_stack.ports import free_port
from cinematch.settings import Settings
from micro_batch import overdue_events
from micro_batch.bootstrap import bootstrap_global_stats
from micro_batch.overdue_events import PATIENCE, OverdueEvents, OverdueStores
from micro_batch.user_stats import refresh_user_stats
from tests.micro_batch_stage import FILMS, Rounds, Stage

pytestmark = pytest.mark.integration


@pytest.fixture
def stores(stage: Stage) -> OverdueStores:
    """The stores, with a bootstrap that came before every event."""
    database = stage.settings.mongodb_database
    bootstrap_global_stats(GlobalTrends(stage.client, database), TrendsBootstrap(stage.client, database))
    return OverdueStores.of(stage.client, database)


class Clock:
    """Is moved by hand."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def be_patient(self) -> None:
        self.now = max(self.now, datetime.now(UTC)) + PATIENCE + timedelta(seconds=1)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def overdue(stores: OverdueStores, clock: Clock) -> OverdueEvents:
    return OverdueEvents(stores, clock)


def publish(stage: Stage) -> list[Event]:
    """Mark what is in the outbox as sent, and lose it."""
    events = list(stage.outbox.unpublished())
    stage.outbox.mark_published(events)
    return events


def take_in(stage: Stage, stores: OverdueStores, events: list[Event]) -> None:
    """Do what the streams do with events."""
    refresh_user_stats({event.user_id: event.sequence for event in events}, stores.user_stats)
    window_start = stores.trends.window_start()
    assert window_start is not None
    stores.trends.count(events, window_start)


def test_what_no_stream_brought_is_in_both_views_after_a_while(
    stage: Stage, overdue: OverdueEvents, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overdue_events, "CHUNK_USERS", 3)
    monkeypatch.setattr(overdue_events, "CHUNK_EVENTS", 2)
    stage.live([f"user-{n}" for n in range(8)], 80, seed=50)
    publish(stage)
    clock.be_patient()
    assert overdue.step() == 8
    stage.assert_stats_equal_a_recomputation()
    stage.assert_trends_equal_a_recount()
    assert overdue.step() == 0


def test_a_last_event_that_was_lost_is_brought_and_counts_once_when_it_comes_after_all(
    stage: Stage, stores: OverdueStores, overdue: OverdueEvents, clock: Clock
) -> None:
    stage.change("ann", AddFilm(FILMS[0], 8.0), AddFilm(FILMS[1], 7.0))
    take_in(stage, stores, publish(stage))
    stage.change("ann", RemoveFilm(FILMS[0].movie_id))
    lost = publish(stage)
    clock.be_patient()
    assert overdue.step() == 1
    take_in(stage, stores, lost)
    stage.assert_stats_equal_a_recomputation()
    assert stage.counts() == stage.expected_counts(datetime(2000, 1, 1, tzinfo=UTC))


def test_nobody_does_the_streams_work_before_their_time(stage: Stage, overdue: OverdueEvents) -> None:
    stage.change("ann", AddFilm(FILMS[0]))
    publish(stage)
    assert overdue.step() == 0
    assert stage.database.user_stats.count_documents({}) == 0


def test_views_that_have_everything_are_left_alone(
    stage: Stage, stores: OverdueStores, overdue: OverdueEvents, clock: Clock
) -> None:
    stage.live(["ann", "bob"], 20, seed=51)
    take_in(stage, stores, publish(stage))
    before = list(stage.database.user_stats.find())
    clock.be_patient()
    assert overdue.step() == 0
    assert list(stage.database.user_stats.find()) == before


def test_a_step_that_was_killed_is_done_again(
    stage: Stage, stores: OverdueStores, overdue: OverdueEvents, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.live(["ann", "bob"], 20, seed=52)
    publish(stage)
    clock.be_patient()
    with monkeypatch.context() as dying:

        def killed(*_: object) -> None:
            raise StoreUnavailable("mongodb", "killed here")

        dying.setattr(overdue_events, "publish_trends", killed)
        with pytest.raises(StoreUnavailable):
            overdue.step()
    assert stores.place.saved() is None
    overdue.step()
    stage.assert_trends_equal_a_recount()
    stage.assert_stats_equal_a_recomputation()


def test_the_next_step_goes_on_where_the_last_one_ended_however_long_ago(
    stage: Stage, overdue: OverdueEvents, clock: Clock
) -> None:
    clock.now = datetime.now(UTC)
    overdue.step()
    stage.change("ann", AddFilm(FILMS[0]))
    publish(stage)
    clock.now += timedelta(days=20)
    assert overdue.step() == 1
    stage.assert_stats_equal_a_recomputation()


def test_an_event_far_ahead_of_its_users_counter_is_no_event(stage: Stage, stores: OverdueStores) -> None:
    (event,) = stage.change("ann", AddFilm(FILMS[0]))
    take_in(stage, stores, [event, replace(event, sequence=1_000_000)])
    more = stage.change("ann", AddFilm(FILMS[1]), AddFilm(FILMS[2]))
    take_in(stage, stores, more)
    assert stage.counts() == stage.expected_counts(datetime(2000, 1, 1, tzinfo=UTC))


def test_while_mongodb_is_away_it_waits(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overdue_events, "PERIOD_SECONDS", 0.01)
    nowhere = {"mongodb_url": f"mongodb://127.0.0.1:{free_port()}", "mongodb_timeout_seconds": 0.05}
    stop = Rounds(3)
    with connect(settings.model_copy(update=nowhere)) as client:
        OverdueEvents(OverdueStores.of(client, settings.mongodb_database)).run(stop)
    assert stop.rounds == 3
