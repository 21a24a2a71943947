"""Each layer does its own work as its own user, on real servers that let nobody do more than the table says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from batch_layer.publication import Stores, publish
from batch_layer.retention import retire
from batch_layer.store_connections import connected_stores
from cinematch.adapters import mongodb_client, redis_client, s3_lake, s3_objects
from cinematch.adapters.kafka_consumer import GroupConsumer
from cinematch.adapters.kafka_dead_letters import DeadLetterOffice
from cinematch.adapters.kafka_log import RecordPublisher
from cinematch.adapters.kafka_log_watch import LogWatch
from cinematch.adapters.kafka_topics import ensure_topics
from cinematch.adapters.mongodb_audits import Audits
from cinematch.adapters.mongodb_boundaries import Boundaries
from cinematch.adapters.mongodb_catalog import Catalog
from cinematch.adapters.mongodb_catalog_feed import open_catalog_feed
from cinematch.adapters.mongodb_catalog_writer import CatalogWriter
from cinematch.adapters.mongodb_client import SyncDatabase
from cinematch.adapters.mongodb_lease import MongoLease
from cinematch.adapters.mongodb_list_pages import ListPages
from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.adapters.mongodb_watchlists import Watchlists
from cinematch.adapters.redis_heartbeat import RedisHeartbeat
from cinematch.adapters.redis_speed_view import RedisSpeedView
from cinematch.adapters.s3_lake_folder import LakeFolder
from cinematch.api.application import create_app
from cinematch.contracts import collections as names
from cinematch.contracts.audit_record import AuditRecord
from cinematch.contracts.batch_document import batch_document
from cinematch.contracts.batch_state import state_prefix
from cinematch.contracts.dead_letter import rejection
from cinematch.contracts.event_history import JoinedHistory
from cinematch.contracts.generations import GenerationState, list_chunks
from cinematch.contracts.lake_paths import EVENTS_FOLDER
from cinematch.contracts.log_record import LogPartition, LogRecord
from cinematch.domain.changes import AddFilm
from cinematch.domain.events import Event
from cinematch.domain.summary import summarise
from cinematch.domain.watchlist import Film, replay
from cinematch.errors import CineMatchError
from cinematch.settings import Settings, StatsMode
from data_lake import __main__ as sink_process
from data_lake.compaction import Compaction, CompactionLimits
from data_lake.tables import EventsTable
from ingestion import __main__ as relay_process
from ingestion.personal_data.connections import connected as personal_data
from micro_batch import job as micro_batch_job
from micro_batch.catalog_follower import FOLLOWER
from micro_batch.global_trends_stream import publish_trends
from micro_batch.user_stats import UserStatsStores, refresh_user_stats
from serving_layer.audit.answers import ServingCode
from speed_layer.repairs import Repairs
from tests.lake_stage import wait_until
from tests.layer_users import LayerUsers, changed

pytestmark = pytest.mark.integration
PATIENCE_SECONDS = 180.0
FILMS = [Film(f"m{n}", f"Film {n}", genres=("Drama",), runtime_minutes=100) for n in range(3)]
ENTRIES = [AddFilm(film, 7.5) for film in FILMS]
PANELS = ("ingestion", "micro-batch", "speed", "lake", "generations", "audit", "dead-letters")


@contextmanager
def database_of(settings: Settings) -> Iterator[SyncDatabase]:
    """Connect as those of the settings."""
    with mongodb_client.connect(settings) as client:
        yield client[settings.mongodb_database]


@contextmanager
def at_work(work: Callable[[threading.Event], object]) -> Iterator[None]:
    """Run a layer's own loop in the background, until the block ends."""
    stop = threading.Event()
    worker = threading.Thread(target=work, args=(stop,), daemon=True)
    worker.start()
    try:
        yield
    finally:
        stop.set()
        worker.join(PATIENCE_SECONDS)


@pytest.fixture(scope="module")
def events(layer_users: LayerUsers) -> list[Event]:
    """What the API wrote, the relay published and the sink stored, each as itself."""
    with database_of(layer_users.settings("api")) as database:
        CatalogWriter(database).add_missing(FILMS)
        Watchlists(database).add_many("ann", ENTRIES)
        written = Outbox(database).events_after("ann", 0)
    relay_to_the_lake(layer_users)
    return written


def relay_to_the_lake(layer_users: LayerUsers) -> None:
    """Let relay and sink do what there is to do."""
    relay, sink = layer_users.settings("relay"), layer_users.settings("data-lake", lake_flush_seconds=0.3)

    def store(stop: threading.Event) -> None:
        if (started := sink_process._start(sink, stop)) is not None:
            started.run(stop)

    def is_done() -> bool:
        lake = LakeFolder(s3_objects.connect(sink), EVENTS_FOLDER)
        stored = sum(it.next_offset for it in lake.last_links().values())
        return not outbox.count_documents({"published_at": None}) and stored >= outbox.count_documents({})

    with database_of(layer_users.administrator) as seen, database_of(relay) as database:
        outbox = seen[names.OUTBOX]
        with at_work(lambda stop: relay_process.run(database, relay, stop)), at_work(store):
            wait_until(is_done, "relay and sink", PATIENCE_SECONDS)


def a_letter(settings: Settings, layer: str) -> None:
    """Publish the letter of a record that is no event."""
    record = LogRecord(LogPartition(settings.events_topic, 0), 4711, datetime.now(UTC), b"nobody", b"no event")
    with closing(DeadLetterOffice(settings.kafka, settings.dead_letter_topic)) as office:
        office.publish([rejection(record, "not JSON", layer)])


def test_the_relay_publishes_and_the_sink_stores(layer_users: LayerUsers, events: list[Event]) -> None:
    assert s3_lake.connect(layer_users.administrator).events_after("ann", 0) == events
    a_letter(layer_users.settings("data-lake"), "data_lake")


@pytest.mark.usefixtures("events")
def test_the_micro_batch_keeps_statistics_and_trends(layer_users: LayerUsers) -> None:
    settings = layer_users.settings("micro-batch")
    with mongodb_client.connect(settings) as client, database_of(layer_users.settings("api")) as lists:
        database = client[settings.mongodb_database]
        trends = micro_batch_job.prepare(client, settings)
        with open_catalog_feed(database, FOLLOWER) as feed:
            CatalogWriter(lists).put(FILMS[:1])
            assert feed.changed_films() <= {film.movie_id for film in FILMS}
            feed.save()
        Watchlists(lists).add_many("bob", ENTRIES)
        added = Outbox(database).events_after("bob", 0)
        stores = UserStatsStores.of(client, settings.mongodb_database)
        assert refresh_user_stats({"bob": len(added)}, stores) == {}
        stores.view.forget({"nobody": 1})
        window_start = trends.window_start()
        assert window_start is not None
        assert trends.count(added, window_start) == len(added)
        publish_trends(trends, window_start)
        assert MongoLease(database, "micro-batch", "own", 30.0).acquire()
    a_letter(settings, "micro_batch")
    assert LogWatch(settings.kafka).lag(settings.events_topic, {}).events


def test_the_speed_layer_keeps_redis(layer_users: LayerUsers, events: list[Event]) -> None:
    settings = layer_users.settings("speed-layer")
    topics = (settings.events_topic, settings.speed_deltas_topic, settings.dead_letter_topic)
    ensure_topics(settings.kafka, dict.fromkeys(topics, settings.topic_partitions))
    client = redis_client.connect(settings)
    view, heartbeat = RedisSpeedView(client, 60.0), RedisHeartbeat(client)
    assert [heartbeat.beat(), heartbeat.beat()] == [False, True]
    view.apply({"ann": events})
    with database_of(settings) as database:
        boundaries, lake = Boundaries(database), s3_lake.connect(settings)
        repairs = Repairs(view, boundaries, JoinedHistory(Outbox(database), lake))
        repairs.repair_all()
        assert repairs.broken_views() == {}
        assert lake.events_after("ann", 0) == events
        boundaries.put_off_repair_requests([{"_id": "nobody"}])
        boundaries.end_repair_requests([{"_id": "nobody"}, *boundaries.repair_requests()])
        assert MongoLease(database, "speed-layer", "own", 30.0).acquire()
    a_letter(settings, "speed_layer")
    carries_deltas(settings)


def carries_deltas(settings: Settings) -> None:
    """Publish to the topic of deltas and consume it, as the stream and its consumer do."""
    with closing(RecordPublisher(settings.kafka)) as publisher:
        publisher.publish(settings.speed_deltas_topic, b"ann", b"{}")
    group, topic = settings.speed_consumer_group, settings.speed_deltas_topic
    with closing(GroupConsumer(settings.kafka, group, [topic])) as consumer, closing(LogWatch(settings.kafka)) as watch:
        polled: dict[LogPartition, list[LogRecord]] = {}

        def is_consumed() -> bool:
            for place in consumer.waiting():
                consumer.start(place, consumer.committed(place))
            polled.update(consumer.poll(0.5))
            return bool(polled)

        wait_until(is_consumed, "a delta", PATIENCE_SECONDS)
        consumer.commit({place: records[-1].offset + 1 for place, records in polled.items()})
        assert watch.members(group) == 1
        assert watch.committed(group, topic)
        assert watch.records(dict.fromkeys(polled, 0))


def a_generation(stores: Stores, settings: Settings, events: list[Event]) -> int:
    """Write a generation with its state in the lake, as a batch run does without Spark."""
    now, whole = datetime.now(UTC), replay(events)
    with database_of(settings) as database:
        films = Catalog(database).films_by_id(film.movie_id for film in FILMS)
    number = stores.generations.create("scheduler", now, None, None).number
    document = batch_document("ann", summarise(whole, films), number, now)
    stores.generations.write(number, [document], list(list_chunks("ann", whole)))
    s3_objects.connect(settings).put_new(f"{state_prefix(number)}part-0.parquet", b"")
    stores.generations.update(number, state=GenerationState.READY, finished_at=now, users=1)
    return number


def test_the_scheduler_makes_generations_compacts_and_audits(layer_users: LayerUsers, events: list[Event]) -> None:
    settings = layer_users.settings("scheduler")
    with connected_stores(settings) as (stores, lease):
        assert lease.acquire()
        first, second = a_generation(stores, settings, events), a_generation(stores, settings, events)
        stores.generations.remove(second, ["nobody"])
        for number in (first, second):
            publish(stores, number, lambda: None)
        third = stores.generations.create("scheduler", datetime.now(UTC), second, None).number
        stores.generations.carry_over(second, third, datetime.now(UTC))
        stores.generations.drop(third)
        assert retire(stores, 1, 0.0, datetime.now(UTC)) == [first]
        assert second in stores.states.stored()
        lease.release()
    with mongodb_client.connect(settings) as client:
        pages = ListPages(client, settings.mongodb_database)
        assert "ann" in [found.user_id for page in pages.pages() for found in pages.read(page)]
    limits = CompactionLimits(settings.lake_compaction_bytes, timedelta(0))
    Compaction(LakeFolder(s3_objects.connect(settings), EVENTS_FOLDER), EventsTable(), limits).run()
    an_audit(settings)
    for mode in StatsMode:
        answer = ServingCode(changed(settings, stats_mode=mode)).ask(["ann"])["ann"]
        assert not isinstance(answer, CineMatchError), answer


def test_the_api_serves_readers_and_operators_and_erases_users(layer_users: LayerUsers, events: list[Event]) -> None:
    settings = layer_users.settings("api", stats_mode=StatsMode.LAMBDA, rate_limit_address_per_minute=100_000)
    a_letter(layer_users.settings("data-lake"), "data_lake")
    scheduler = layer_users.settings("scheduler")
    with connected_stores(scheduler) as (stores, _):
        first, second = a_generation(stores, scheduler, events), a_generation(stores, scheduler, events)
        publish(stores, first, lambda: None)
        publish(stores, second, lambda: None)
    with TestClient(create_app(settings)) as api:
        for film in FILMS:
            wanted = {"user_id": "eve", "movie_id": film.movie_id, "rating": 7.5}
            answered(api.post("/v1/movies", json=wanted, headers={"Idempotency-Key": film.movie_id}))
        answered(api.get("/v1/stats", params={"user_id": "ann"}))
        for panel in PANELS:
            assert set(answered(api.get(f"/v1/operator/{panel}"))["stores"].values()) <= {"ok"}, panel
        letters = [it["id"] for it in answered(api.get("/v1/operator/dead-letters"))["letters"]]
        assert all(it["changed"] for it in answered(api.post("/v1/operator/redrive", json={"ids": letters})))
        back = {"generation": first, "replaces": second}
        assert answered(api.post("/v1/operator/published-generation", json=back))["changed"]
        relay_to_the_lake(layer_users)
        assert b"eve" in api.get("/v1/users/eve/export").content
        an_audit(settings)  # commands are run where the API is
        answered(api.delete("/v1/users/eve"))
    erase(layer_users, settings, "eve")


def an_audit(settings: Settings) -> None:
    """Keep the record of one, as `cinematch audit` does."""
    now = datetime.now(UTC)
    with database_of(settings) as database:
        Audits(database).keep(AuditRecord(now, now, "lambda", 1, 1, 0, 0, 0, 0))


def erase(layer_users: LayerUsers, settings: Settings, user_id: str) -> None:
    """Go on with an erasure as the API does, to where only the next batch run is waited for."""
    with personal_data(settings) as stores:
        for _ in range(2):  # the lake's part begins when all events are in Kafka
            relay_to_the_lake(layer_users)
            begun = stores.tombstones.of(user_id)
            assert begun is not None
            reached = stores.erasing.go_on(begun)
            left = {step for step in stores.steps if not reached.is_done(step)}
    assert left <= {"batch_layer"}


def answered(answer: Any) -> Any:
    """Give what a good answer says."""
    assert answer.is_success, answer.text
    return answer.json()
