"""What belongs to another layer is refused, in every store."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest

from cinematch.adapters import mongodb_client, redis_client, s3_objects
from cinematch.adapters.kafka_log import RecordPublisher
from cinematch.adapters.kafka_log_watch import LogWatch
from cinematch.adapters.kafka_users import KafkaUsers
from cinematch.adapters.minio_users import MinioUsers
from cinematch.adapters.mongodb_client import SyncDatabase, translated
from cinematch.adapters.mongodb_generations import MongoGenerations
from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.adapters.mongodb_users import MongoUsers
from cinematch.adapters.mongodb_watchlists import Watchlists
from cinematch.adapters.redis_client import translated_errors
from cinematch.adapters.redis_users import RedisUsers
from cinematch.contracts import collections as names
from cinematch.contracts.layer_connection import MECHANISM
from cinematch.contracts.log_record import LogPartition
from cinematch.contracts.privileges import Privileges, RedisGrants, Store, privileges
from cinematch.domain.changes import AddFilm
from cinematch.domain.watchlist import Film
from cinematch.errors import AccessRefused
from cinematch.settings import Settings
from tests.histories import add
from tests.layer_users import LayerUsers

pytestmark = pytest.mark.integration
Operation = Callable[[Settings], Any]
TABLE = privileges(Settings())
LAYERS = [it.layer for it in TABLE]
INTRUDER = Privileges("intruder", {"": frozenset({"find"})}, RedisGrants(frozenset("*"), frozenset({"@all"})))


def in_mongodb(work: Callable[[SyncDatabase], Any]) -> Operation:
    def operation(settings: Settings) -> None:
        with mongodb_client.connect(settings) as client, translated():
            work(client[settings.mongodb_database])

    return operation


def in_redis(*command: Any) -> Operation:
    def operation(settings: Settings) -> None:
        connected: Any = redis_client.connect(settings)
        with closing(connected) as client, translated_errors():
            client.execute_command(*command)

    return operation


def publishing(topic: str) -> Operation:
    def operation(settings: Settings) -> None:
        with closing(RecordPublisher(settings.kafka)) as publisher:
            publisher.publish(getattr(settings, topic), b"ann", b"{}")

    return operation


def reading(topic: str) -> Operation:
    def operation(settings: Settings) -> None:
        with closing(LogWatch(settings.kafka)) as watch:
            watch.records({LogPartition(getattr(settings, topic), 0): 0})

    return operation


def watching(group: str) -> Operation:
    return lambda settings: LogWatch(settings.kafka).members(getattr(settings, group))


def getting(key: str) -> Operation:
    return lambda settings: s3_objects.connect(settings).get(key)


def putting(key: str) -> Operation:
    return lambda settings: s3_objects.connect(settings).put_new(key, b"")


def deleting(key: str) -> Operation:
    return lambda settings: s3_objects.connect(settings).delete([key])


def listing(settings: Settings) -> None:
    s3_objects.connect(settings).sizes("")


def adding_films(database: SyncDatabase) -> None:
    Watchlists(database).add_many("ann", [AddFilm(Film("m1", "Amarcord"), 8.0)])


def finding(collection: str) -> Operation:
    return in_mongodb(lambda database: database[collection].find_one())


def inserting(collection: str) -> Operation:
    return in_mongodb(lambda database: database[collection].insert_one({"_id": "foreign"}))


def updating(collection: str) -> Operation:
    return in_mongodb(lambda database: database[collection].update_one({"_id": "foreign"}, {"$set": {"title": ""}}))


def removing(collection: str) -> Operation:
    return in_mongodb(lambda database: database[collection].delete_one({"_id": "foreign"}))


def dropping(collection: str) -> Operation:
    return in_mongodb(lambda database: database.drop_collection(collection))


def making_a_generation(database: SyncDatabase) -> None:
    MongoGenerations(database).create("foreign", datetime.now(UTC), None, None)


FOREIGN: dict[str, dict[str, Operation]] = {
    "api": {
        "the marks of the relay": in_mongodb(lambda database: Outbox(database).mark_published([add(1, "m1")])),
        "statistics of the micro-batch": updating(names.USER_STATS),
        "a generation": in_mongodb(making_a_generation),
        "a collection's end": dropping(names.MOVIES),
        "the end of all views": in_redis("FLUSHALL"),
        "a key of nobody": in_redis("SET", "foreign", "1"),
        "a dead letter": publishing("dead_letter_topic"),
        "a delta": publishing("speed_deltas_topic"),
        "a state of a generation, read": getting("batch-state/g000001/part-0.parquet"),
        "a state of a generation, written": putting("batch-state/g000001/part-0.parquet"),
    },
    "relay": {
        "a list": in_mongodb(adding_films),
        "lists, read": finding(names.MOVIES),
        "statistics": updating(names.USER_STATS),
        "an event that is not in the outbox": inserting(names.OUTBOX),
        "the outbox, removed": removing(names.OUTBOX),
        "speed views": in_redis("HGETALL", "user:{ann}:speed"),
        "the event log, read": reading("events_topic"),
        "deltas": publishing("speed_deltas_topic"),
        "the lake": listing,
    },
    "micro-batch": {
        "a list": in_mongodb(adding_films),
        "the marks of the relay": in_mongodb(lambda database: Outbox(database).mark_published([add(1, "m1")])),
        "the catalog": updating(names.CATALOG),
        "the batch view": finding(names.USER_STATS_BATCH),
        "speed views": in_redis("HGETALL", "user:{ann}:speed"),
        "an event": publishing("events_topic"),
        "the sink's group": watching("lake_consumer_group"),
        "the lake": listing,
    },
    "speed-layer": {
        "a list": in_mongodb(adding_films),
        "lists, read": finding(names.MOVIES),
        "statistics": updating(names.USER_STATS),
        "the end of all views": in_redis("FLUSHALL"),
        "cached answers": in_redis("GET", "stats:ann"),
        "counts of requests": in_redis("GET", "rate:user"),
        "an event": publishing("events_topic"),
        "the sink's group": watching("lake_consumer_group"),
        "an object of the lake": putting("user-events/dt=2026-01-01/foreign.parquet"),
        "dead letters of the lake": getting("user-events-dead-letter/foreign.parquet"),
        "a state of a generation": getting("batch-state/g000001/part-0.parquet"),
    },
    "data-lake": {
        "lists, read": finding(names.MOVIES),
        "speed views": in_redis("HGETALL", "user:{ann}:speed"),
        "an event": publishing("events_topic"),
        "the speed layer's group": watching("speed_consumer_group"),
        "an object's end": deleting("user-events/dt=2026-01-01/foreign.parquet"),
        "a state of a generation": getting("batch-state/g000001/part-0.parquet"),
    },
    "scheduler": {
        "a list, changed": updating(names.MOVIES),
        "the catalog": updating(names.CATALOG),
        "the trends": updating(names.GLOBAL_STATS),
        "the end of all views": in_redis("FLUSHALL"),
        "counts of requests": in_redis("GET", "rate:user"),
        "the event log": reading("events_topic"),
        "an object beside the folders": putting("foreign"),
    },
}

ADMINISTRATION: dict[Store, Operation] = {
    Store.MONGODB: lambda settings: MongoUsers(mongodb_client.connect(settings), settings.mongodb_database).put(
        INTRUDER, "secret-of-an-intruder"
    ),
    Store.REDIS: lambda settings: RedisUsers(redis_client.connect(settings)).put(
        INTRUDER.user, INTRUDER.redis, "secret-of-an-intruder"
    ),
    Store.KAFKA: lambda settings: KafkaUsers(settings.kafka, MECHANISM).put(INTRUDER, "secret-of-an-intruder"),
    Store.S3: lambda settings: MinioUsers(settings).put(INTRUDER, "secret-of-an-intruder", settings.lake_bucket),
}


def refused(operation: Operation, settings: Settings) -> None:
    with pytest.raises(AccessRefused) as refusal:
        operation(settings)
    assert refusal.value.store in set(Store)


@pytest.mark.parametrize(("layer", "what"), [(layer, what) for layer, foreign in FOREIGN.items() for what in foreign])
def test_what_is_another_layers_is_refused(layer_users: LayerUsers, layer: str, what: str) -> None:
    refused(FOREIGN[layer][what], layer_users.insistent(layer))


def test_every_layer_is_tried() -> None:
    assert FOREIGN.keys() == set(LAYERS)


@pytest.mark.parametrize("store", Store)
@pytest.mark.parametrize("layer", LAYERS)
def test_no_layer_administers_a_store(layer_users: LayerUsers, layer: str, store: Store) -> None:
    refused(ADMINISTRATION[store], layer_users.insistent(layer))


@pytest.mark.parametrize("store", [Store.MONGODB, Store.REDIS, Store.S3])
def test_whoever_gives_no_name_gets_nothing(layer_users: LayerUsers, store: Store) -> None:
    """A broker that asks for a name does not even answer those who give none."""
    work = {
        Store.MONGODB: finding(names.CATALOG),
        Store.REDIS: in_redis("GET", "foreign"),
        Store.S3: listing,
    }
    refused(work[store], layer_users.nobody)
