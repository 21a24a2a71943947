"""The relay on real servers, killed and cut off: everything arrives, each user's first copies in order."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Event as StopSignal
from threading import Thread
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pymongo.write_concern import WriteConcern

from cinematch.adapters import kafka_producer
from cinematch.adapters.kafka_producer import EventPublisher
from cinematch.adapters.mongodb_client import SyncDatabase
from cinematch.adapters.mongodb_lease import MongoLease
from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.adapters.mongodb_outbox_feed import open_feed
from cinematch.adapters.mongodb_watchlists import Watchlists
from cinematch.domain.changes import AddFilm
from cinematch.domain.events import Event
from cinematch.domain.watchlist import Film
from cinematch.errors import StoreUnavailable
from cinematch.local_stack.kafka_server import KafkaServer
from cinematch.local_stack.layers import LAYERS, LayerProcess
from cinematch.local_stack.log_file import LogFile
from cinematch.settings import Settings
from ingestion.relay import Relay
from ingestion.tenure import LEASE_NAME, LEASE_SECONDS, Tenure
from tests.integration.ingestion.event_log import published

USERS = ("a", "b", "c")
SPEC = next(spec for spec in LAYERS if spec.name == "relay")
StartRelay = Callable[[], LayerProcess]


@pytest.fixture(autouse=True)
def _kafka(kafka_server: KafkaServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leads the settings to Kafka; a publisher of this process has patience with it."""
    monkeypatch.setattr(kafka_producer, "_CONNECT_MS", 30_000)


@pytest.fixture
def start_relay(database: SyncDatabase, settings: Settings, tmp_path: Path) -> Iterator[StartRelay]:
    """Starts relays as processes of their own, and ends those that still run."""
    relays: list[LayerProcess] = []
    environment = {
        "EVENTS_TOPIC": settings.events_topic,
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "MONGODB_DATABASE": settings.mongodb_database,
        "MONGODB_URL": settings.mongodb_url,
    }

    def start() -> LayerProcess:
        folder = tmp_path / f"relay-{len(relays)}"
        relay = LayerProcess(SPEC, folder, LogFile(folder / "log"), environment)
        relays.append(relay)
        relay.start()
        return relay

    yield start
    for relay in relays:
        relay.kill()


def write(database: SyncDatabase, count: int, prefix: str) -> None:
    """Add `count` films to each user's list, in turns."""
    watchlists = Watchlists(database)
    for number in range(count):
        for user in USERS:
            watchlists.change(user, AddFilm(Film(f"{prefix}{number}", "A film"), 7.5))


def is_drained(database: SyncDatabase) -> bool:
    return next(iter(Outbox(database).unpublished()), None) is None


def wait_until(condition: Callable[[], Any], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


def assert_complete(database: SyncDatabase, settings: Settings) -> list[Event]:
    """Every event that was ever issued is in the log, each user's first copies in sequence; gives the log."""
    events = published(settings)
    issued = {document["_id"]: document["sequence"] for document in database["user_sequences"].find()}
    assert issued
    for user, sequence in issued.items():
        copies = [event.sequence for event in events if event.user_id == user]
        assert list(dict.fromkeys(copies)) == list(range(1, sequence + 1))
    return events


def relay_in_this_process(database: SyncDatabase, settings: Settings, outbox: Outbox, stop: StopSignal) -> None:
    tenure = Tenure(MongoLease(database, LEASE_NAME, "test", LEASE_SECONDS))
    publisher = EventPublisher(settings.kafka_bootstrap_servers, settings.events_topic)
    assert tenure.begin()
    with open_feed(database) as feed, closing(publisher):
        Relay(feed, outbox, publisher, tenure, stop).run()
    tenure.end()


def relay_until_drained(database: SyncDatabase, settings: Settings) -> None:
    stop = StopSignal()
    relay = Thread(target=relay_in_this_process, args=(database, settings, Outbox(database), stop))
    relay.start()
    try:
        wait_until(lambda: is_drained(database))
    finally:
        stop.set()
        relay.join()


def test_a_backlog_and_what_comes_later_are_published_once_and_in_order(
    database: SyncDatabase, settings: Settings, start_relay: StartRelay
) -> None:
    write(database, 20, "before")
    relay = start_relay()
    relay.wait_ready()
    write(database, 20, "after")
    wait_until(lambda: is_drained(database))
    relay.stop()
    assert relay.process is not None
    assert relay.process.exit_code == 0
    assert len(assert_complete(database, settings)) == 3 * 40


class CutOff(Outbox):
    """An outbox whose server goes away right after the events have reached Kafka."""

    def mark_published(self, events: Any) -> None:
        raise StoreUnavailable("mongodb", "cut off")


def test_a_crash_between_publishing_and_marking_repeats_and_skips_nothing(
    database: SyncDatabase, settings: Settings
) -> None:
    write(database, 5, "m")
    with pytest.raises(StoreUnavailable):
        relay_in_this_process(database, settings, CutOff(database), StopSignal())
    assert len(published(settings)) == 15
    assert not is_drained(database)
    relay_until_drained(database, settings)
    assert len(assert_complete(database, settings)) == 30


def test_a_place_that_is_lost_is_replaced_by_what_is_not_marked(database: SyncDatabase, settings: Settings) -> None:
    write(database, 3, "first")
    relay_until_drained(database, settings)
    write(database, 3, "second")
    database["outbox_relay"].update_one({"_id": "resume_token"}, {"$set": {"token": {"_data": "8200000001"}}})
    with pytest.raises(StoreUnavailable), open_feed(database) as feed:
        feed.next()
    assert database["outbox_relay"].find_one({"_id": "resume_token"}) is None
    relay_until_drained(database, settings)
    assert len(assert_complete(database, settings)) == 18


def test_an_event_that_a_majority_did_not_have_yet_when_the_feed_was_opened_is_in_the_feed_or_in_the_sweep(
    database: SyncDatabase, settings: Settings
) -> None:
    """A watch begins behind what the primary has; a read with majority concern may not see that much yet."""
    write(database, 1, "m")
    written = database["outbox"].find_one_and_delete({"user_id": USERS[0]}) or {}
    hasty = database.get_collection("outbox", write_concern=WriteConcern(w=1, j=False))
    for sequence in range(1, 41):
        hasty.insert_one({**written, "_id": f"hasty-{sequence}", "sequence": sequence})
        with open_feed(database) as feed:
            swept = {event.sequence for event in Outbox(database).unpublished() if event.user_id == USERS[0]}
            fed: set[int] = set()
            while sequence not in swept | fed and (event := feed.next()):
                fed.add(event.sequence)
            assert sequence in swept | fed


def test_kill_9_of_the_relay_at_any_moment_loses_nothing(
    database: SyncDatabase, settings: Settings, start_relay: StartRelay
) -> None:
    moments = random.Random(7)
    writer = Thread(target=write, args=(database, 80, "m"))
    writer.start()
    for _ in range(3):
        relay = start_relay()
        relay.wait_ready()
        time.sleep(moments.uniform(0, 0.4))
        relay.kill()
    writer.join()
    start_relay()
    wait_until(lambda: is_drained(database))
    assert len(assert_complete(database, settings)) >= 240


def test_a_second_relay_waits_until_the_first_is_gone(
    database: SyncDatabase, settings: Settings, start_relay: StartRelay
) -> None:
    first = start_relay()
    first.wait_ready()
    second = start_relay()
    write(database, 3, "m")
    wait_until(lambda: is_drained(database))
    assert not second.ready()
    first.kill()
    write(database, 3, "n")
    second.wait_ready()
    wait_until(lambda: is_drained(database))
    assert len(assert_complete(database, settings)) == 18


def test_without_kafka_a_post_is_accepted_and_published_later(
    api: TestClient, database: SyncDatabase, settings: Settings, start_relay: StartRelay, kafka_server: KafkaServer
) -> None:
    def post(movie_id: str) -> Any:
        return api.post("/movies", json={"user_id": "a", "movie_id": movie_id, "rating": 7}).status_code

    start_relay().wait_ready()
    assert post("m000") == 200
    wait_until(lambda: is_drained(database))
    kafka_server.kill()
    try:
        assert [post(f"m{number:03}") for number in range(1, 15)] == [200] * 14
        assert not is_drained(database)
    finally:
        kafka_server.start()
        kafka_server.wait_ready()
    assert post("m015") == 200
    wait_until(lambda: is_drained(database))
    assert [event.movie_id for event in assert_complete(database, settings)] == [
        f"m{number:03}" for number in range(16)
    ]
