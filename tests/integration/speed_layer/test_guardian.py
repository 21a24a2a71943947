"""What is lost comes back by itself: the guardian on real MongoDB and Redis, without Spark."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import REGISTRY
from typer.testing import CliRunner

from cinematch.adapters.redis_client import connect
from cinematch.adapters.redis_heartbeat import RedisHeartbeat
from cinematch.contracts import event_history
from cinematch.contracts.event_history import JoinedHistory
from cinematch.contracts.redis_keys import user_keys
from cinematch.domain.changes import AddFilm
from cinematch.domain.events import Event
from cinematch.errors import StoreUnavailable
from cinematch.local_stack.ports import free_port
from cinematch.local_stack.redis_server import RedisServer
from cinematch.settings import Settings
from speed_layer import guardian as guardian_module
from speed_layer.commands import speed
from speed_layer.guardian import Guardian
from speed_layer.metrics import RepairFigures
from speed_layer.repairs import Repairs
from tests.environments import environment_of
from tests.micro_batch_stage import FILMS
from tests.speed_stage import NoLake, SpeedStage, reached

pytestmark = pytest.mark.integration
NEVER_SECONDS = 1e6
LONG_SECONDS = 60.0  # for what must happen, on a machine that has much else to do


@pytest.fixture(autouse=True)
def quick_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guardian_module, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(guardian_module, "FIRST_AUDIT_SECONDS", 0.0)
    monkeypatch.setattr(guardian_module, "PATIENCE_SECONDS", 0.3)


@contextmanager
def guarded(stage: SpeedStage, audit_seconds: float = NEVER_SECONDS, history: Any = None) -> Iterator[Guardian]:
    repairs = Repairs(stage.view, stage.boundaries, history or stage.repairs._history)
    guardian = Guardian(RedisHeartbeat(stage.redis), repairs, stage.boundaries, audit_seconds)
    stop = threading.Event()
    thread = threading.Thread(target=guardian.run, args=(stop,))
    thread.start()
    try:
        yield guardian
    finally:
        stop.set()
        thread.join(LONG_SECONDS)
        assert not thread.is_alive()


def settled(stage: SpeedStage, guardian: Guardian) -> None:
    """Wait until the audit of the start is over, so that it is not what helps."""
    reached(lambda: NEVER_SECONDS / 2 < guardian._audit_at < math.inf, LONG_SECONDS)


def written(stage: SpeedStage, users: int = 6, steps: int = 60, seed: int = 1) -> list[Event]:
    events = stage.live(stage.users(users), steps, seed)
    for event in events:
        stage.view.apply({event.user_id: [event]})
    assert stage.differences() == []
    return events


def test_a_gap_is_closed_from_the_outbox(stage: SpeedStage) -> None:
    events = stage.change(stage.user("ann"), *(AddFilm(film, 7.5) for film in FILMS))
    stage.view.apply({events[0].user_id: events[:3]})
    assert stage.view.apply({events[0].user_id: events[6:8]})[events[0].user_id].gap_at == 4
    with guarded(stage) as guardian:
        settled(stage, guardian)
        guardian.report_broken([events[0].user_id])
        stage.await_exact(LONG_SECONDS)


def test_late_events_of_a_gap_that_was_only_a_reordering_change_nothing(stage: SpeedStage) -> None:
    events = stage.change(stage.user("ann"), *(AddFilm(film, 7.5) for film in FILMS))
    user = events[0].user_id
    stage.view.apply({user: [*events[:3], *events[6:]]})
    with guarded(stage) as guardian:
        guardian.report_broken([user])
        stage.await_exact(LONG_SECONDS)
    outcome = stage.view.apply({user: events[3:6]})[user]
    assert (outcome.applied, outcome.duplicates, outcome.gap_at) == (0, 3, None)
    assert stage.differences() == []


def test_flushed_redis_is_whole_again_also_for_users_without_new_events(stage: SpeedStage) -> None:
    written(stage)
    with guarded(stage) as guardian:
        settled(stage, guardian)
        stage.redis.flushall()
        stage.await_exact(LONG_SECONDS)


def test_users_whom_the_published_batch_covers_are_left_alone(stage: SpeedStage) -> None:
    written(stage)
    covered, due = stage.user("0"), stage.user("1")
    issued = stage.sequences()
    stage.publish_batch({covered: issued[covered], due: issued[due] - 2})
    with guarded(stage) as guardian:
        settled(stage, guardian)
        stage.redis.flushall()
        reached(lambda: stage.repairs.broken_views() == {}, LONG_SECONDS)
    assert stage.view.read(covered) is None
    assert stage.view.boundaries([due]) == {due: (issued[due] - 2, issued[due])}


def test_a_redis_restarted_from_an_older_file_is_whole_again(stage: SpeedStage, redis_server: RedisServer) -> None:
    events = written(stage)
    file = redis_server.folder / "appendonly.aof"
    redis_server.stop()
    older = file.read_bytes()
    redis_server.start()
    redis_server.wait_ready()
    written(stage, users=3, seed=2)
    assert len(stage.sequences()) == len({event.user_id for event in events})
    with guarded(stage) as guardian:
        settled(stage, guardian)
        redis_server.kill()
        file.write_bytes(older)
        redis_server.start()
        redis_server.wait_ready()
        stage.await_exact(LONG_SECONDS)


def test_the_audit_finds_keys_that_somebody_deleted_and_spares_events_in_flight(stage: SpeedStage) -> None:
    written(stage)
    victim = stage.user("0")
    stage.redis.delete(*user_keys(victim))
    with guarded(stage, audit_seconds=0.2):
        stage.await_exact(LONG_SECONDS)


def test_a_view_begun_in_the_middle_of_the_log_is_completed(stage: SpeedStage) -> None:
    events = stage.change(stage.user("ann"), *(AddFilm(film, 7.5) for film in FILMS))
    user = events[0].user_id
    assert stage.view.apply({user: events[5:]})[user].started_after == 5
    with guarded(stage) as guardian:
        settled(stage, guardian)
        guardian.report_broken([user])
        stage.await_exact(LONG_SECONDS)


def test_a_reader_s_request_is_fulfilled_and_removed(stage: SpeedStage) -> None:
    written(stage)
    user = stage.user("0")
    stage.redis.delete(user_keys(user).tail)  # the boundaries look as if nothing had happened
    with guarded(stage) as guardian:
        settled(stage, guardian)
        stage.database.speed_repairs.insert_one({"_id": user, "requested_at": 1})
        reached(lambda: stage.database.speed_repairs.count_documents({}) == 0, LONG_SECONDS)
    assert stage.differences() == []


def test_what_is_pending_and_what_readers_ask_for_is_told(stage: SpeedStage) -> None:
    written(stage)
    issued = stage.sequences()

    def pending() -> float | None:
        assert stage.repairs.broken_views() == {}
        return REGISTRY.get_sample_value("cinematch_speed_pending_events")

    assert pending() == sum(issued.values())
    stage.publish_batch({user: sequence - 1 for user, sequence in issued.items()})
    assert pending() == len(issued)
    stage.publish_batch(issued)
    assert pending() == 0
    stage.database.speed_repairs.insert_one({"_id": stage.user("0"), "requested_at": 1})
    (family,) = RepairFigures(stage.boundaries)()
    assert [sample.value for sample in family.samples] == [1]


def test_nothing_is_forgotten_while_the_outbox_is_away(stage: SpeedStage) -> None:
    class Flaky(NoLake):
        calls = 0

        def events_after(self, user_id: str, sequence: int) -> list[Event]:
            self.calls += 1
            if self.calls < 5:
                raise StoreUnavailable("mongodb", "a test says so")
            return stage.outbox.events_after(user_id, sequence)

    history = Flaky()
    events = stage.change(stage.user("ann"), *(AddFilm(film, 7.5) for film in FILMS))
    with guarded(stage, history=JoinedHistory(history, NoLake())) as guardian:
        guardian.report_broken([events[0].user_id])
        stage.await_exact(LONG_SECONDS)
    assert history.calls >= 5


class AwayLake(NoLake):
    """A lake whose store does not answer until a test says so."""

    def __init__(self, events: list[Event]) -> None:
        self.events = events
        self.is_away = True

    def events_after(self, user_id: str, sequence: int) -> list[Event]:
        if self.is_away:
            raise StoreUnavailable("s3", "a test says so")
        return [event for event in self.events if event.user_id == user_id and event.sequence > sequence]


def waiting_for_the_lake(stage: SpeedStage, names: list[str]) -> AwayLake:
    """Let these users' first events be in the lake only, which is away."""
    users = [stage.user(name) for name in names]
    lake = AwayLake([event for user in users for event in stage.outbox.events_after(user, 0)])
    stage.database.outbox.delete_many({"user_id": {"$in": users}, "sequence": {"$lte": 2}})
    return lake


def test_while_the_lake_is_away_only_those_wait_who_need_it(stage: SpeedStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_history, "REST_SECONDS", 0.1)
    written(stage)
    expected = {user: stage.expected(user) for user in stage.users(6)}
    lake = waiting_for_the_lake(stage, ["0", "3"])
    with guarded(stage, history=JoinedHistory(stage.outbox, lake)) as guardian:
        settled(stage, guardian)
        stage.redis.flushall()
        needy = {stage.user("0"), stage.user("3")}
        reached(lambda: {user.user_id for user in stage.repairs.broken_views()} == needy, LONG_SECONDS)
        stage.redis.delete(user_keys(stage.user("5")).tail)
        stage.database.speed_repairs.insert_many([{"_id": stage.user(it), "requested_at": 1} for it in ("0", "5")])
        reached(lambda: [it["_id"] for it in stage.database.speed_repairs.find()] == [stage.user("0")], LONG_SECONDS)
        assert stage.view.read(stage.user("5")) == expected[stage.user("5")]
        stage.redis.delete(*user_keys(stage.user("4")))
        guardian.report_broken([stage.user("4")])
        reached(lambda: {user.user_id for user in stage.repairs.broken_views()} == needy, LONG_SECONDS)
        lake.is_away = False
        reached(lambda: stage.repairs.broken_views() == {}, LONG_SECONDS)
        reached(lambda: stage.database.speed_repairs.count_documents({}) == 0, LONG_SECONDS)
    assert {user: stage.view.read(user) for user in stage.users(6)} == expected


def test_requests_that_wait_for_the_lake_keep_no_later_one_waiting(
    stage: SpeedStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if a round looked at two requests, and these were those of users who have to wait."""
    look = stage.boundaries.repair_requests
    monkeypatch.setattr(stage.boundaries, "repair_requests", lambda: look(at_most=2))
    written(stage)
    lake = waiting_for_the_lake(stage, ["0", "3"])
    with guarded(stage, history=JoinedHistory(stage.outbox, lake)) as guardian:
        settled(stage, guardian)
        for user in map(stage.user, ("0", "3", "5")):
            stage.redis.delete(user_keys(user).tail)
        moments = {name: datetime(2026, 1, day, tzinfo=UTC) for day, name in enumerate("035", start=1)}
        stage.database.speed_repairs.insert_many(
            [{"_id": stage.user(name), "requested_at": moment} for name, moment in moments.items()]
        )
        reached(lambda: {it["_id"] for it in look()} == {stage.user("0"), stage.user("3")}, LONG_SECONDS)


def test_the_audit_goes_on_while_users_wait_for_the_lake(stage: SpeedStage) -> None:
    written(stage)
    lake = waiting_for_the_lake(stage, ["0"])
    stage.redis.delete(*user_keys(stage.user("0")))
    with guarded(stage, audit_seconds=0.2, history=JoinedHistory(stage.outbox, lake)) as guardian:
        guardian.report_broken([stage.user("0")])
        stage.redis.delete(*user_keys(stage.user("1")))
        reached(lambda: {user.user_id for user in stage.repairs.broken_views()} == {stage.user("0")}, LONG_SECONDS)


def test_the_command_rebuilds_whom_it_can_while_the_lake_is_away(
    stage: SpeedStage, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(stage)
    waiting_for_the_lake(stage, ["0"])
    stage.redis.flushall()
    nowhere = {
        "S3_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}",
        "S3_ACCESS_KEY_ID": "a",
        "S3_SECRET_ACCESS_KEY": "b",
    }
    result = CliRunner().invoke(speed, ["rebuild"], env=environment_of(settings) | nowhere)
    assert "5 of 6 users" in result.output
    assert isinstance(result.exception, StoreUnavailable)
    assert {user.user_id for user in stage.repairs.broken_views()} == {stage.user("0")}


def test_what_left_the_outbox_comes_from_the_lake(stage: SpeedStage) -> None:
    class Lake(NoLake):
        events: list[Event]

        def events_after(self, user_id: str, sequence: int) -> list[Event]:
            return [replace(event, user_id=user_id) for event in self.events if event.sequence > sequence]

    lake = Lake()
    events = stage.change(stage.user("ann"), *(AddFilm(film, 7.5) for film in FILMS))
    lake.events = events[:9]
    expected = stage.expected(events[0].user_id)
    stage.database.outbox.delete_many({"sequence": {"$lte": 6}})
    repairs = Repairs(stage.view, stage.boundaries, JoinedHistory(stage.outbox, lake))
    assert repairs.repair([events[0].user_id]) == 1
    assert stage.view.read(events[0].user_id) == expected


def test_what_nobody_has_any_more_is_left_as_it_is(stage: SpeedStage) -> None:
    events = stage.change(stage.user("ann"), *(AddFilm(film, 7.5) for film in FILMS))
    user = events[0].user_id
    stage.view.apply({user: events[4:]})
    stage.database.outbox.delete_many({"sequence": 1})
    assert stage.repairs.repair([user]) == 0
    assert stage.view.boundaries([user]) == {user: (4, len(events))}


def test_the_command_rebuilds_views_whatever_they_look_like(
    stage: SpeedStage, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(stage)
    tampered, wiped = stage.user("0"), stage.user("1")
    stage.redis.hincrby(user_keys(tampered).speed, "movie_count", 5)
    stage.redis.delete(*user_keys(wiped))
    for name, value in environment_of(settings).items():
        monkeypatch.setenv(name, value)
    one = CliRunner().invoke(speed, ["rebuild", "--user", wiped])
    assert (one.exit_code, stage.differences()) == (0, [tampered])
    for _ in range(2):
        everybody = CliRunner().invoke(speed, ["rebuild"])
        assert everybody.exit_code == 0, everybody.output
        assert stage.differences() == []
    assert "6 of 6 users" in everybody.output
    nobody = CliRunner().invoke(speed, ["rebuild", "--user", "nobody"])
    assert nobody.exit_code == 0
    assert "Nothing to rebuild" in nobody.output


def test_the_heartbeat_notices_lost_writes_and_nothing_else(stage: SpeedStage, redis_server: RedisServer) -> None:
    heartbeat = RedisHeartbeat(stage.redis)
    assert [heartbeat.beat() for _ in range(3)] == [False, True, True]
    stage.redis.flushdb()
    assert [heartbeat.beat() for _ in range(2)] == [False, True]
    redis_server.stop()
    with pytest.raises(StoreUnavailable):
        heartbeat.beat()
    redis_server.start()
    redis_server.wait_ready()
    assert [heartbeat.beat() for _ in range(2)] == [False, True]


def test_the_heartbeat_watches_every_master_of_a_cluster(cluster_settings: Settings) -> None:
    client: Any = connect(cluster_settings)
    heartbeat = RedisHeartbeat(client)
    assert [heartbeat.beat() for _ in range(2)] == [False, True]
    for node in client.get_primaries():
        client.flushall(target_nodes=node)
        assert [heartbeat.beat() for _ in range(2)] == [False, True]
    client.close()
