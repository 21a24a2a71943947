"""Each store's client reports how long its operations take, and which failed."""

from __future__ import annotations

import pytest
from prometheus_client import REGISTRY

from cinematch.adapters import mongodb_client, redis_client, s3_objects
from cinematch.adapters.redis_speed_view import RedisSpeedView
from cinematch.errors import Conflict, NotFound, StoreUnavailable
from cinematch.local_stack.minio_server import MinioServer
from cinematch.local_stack.mongo_server import MongoServer
from cinematch.local_stack.ports import free_port
from cinematch.local_stack.redis_server import RedisServer
from cinematch.settings import Settings

pytestmark = pytest.mark.integration


def figures(store: str, operation: str) -> tuple[float, float, float]:
    """How often, how long in all, how many failed."""
    labels = {"store": store, "operation": operation}
    names = ("cinematch_store_seconds_count", "cinematch_store_seconds_sum", "cinematch_store_errors_total")
    count, seconds, errors = (REGISTRY.get_sample_value(name, labels) or 0.0 for name in names)
    return count, seconds, errors


def test_commands_to_mongodb_are_timed_by_name(settings: Settings, mongo_server: MongoServer) -> None:
    before = figures("mongodb", "insert")
    with mongodb_client.connect(settings) as client:
        client[settings.mongodb_database].things.insert_one({"a": 1})
    count, seconds, errors = figures("mongodb", "insert")
    assert count == before[0] + 1
    assert before[1] < seconds < before[1] + 10
    assert errors == before[2]


def test_a_command_that_mongodb_refuses_has_failed(settings: Settings, mongo_server: MongoServer) -> None:
    before = figures("mongodb", "collMod")
    with mongodb_client.connect(settings) as client, pytest.raises(StoreUnavailable), mongodb_client.translated():
        client[settings.mongodb_database].command("collMod", "nothing")
    assert figures("mongodb", "collMod")[2] == before[2] + 1


def test_calls_of_redis_are_timed_by_what_they_are_for(settings: Settings, redis_server: RedisServer) -> None:
    before = figures("redis", "read")
    RedisSpeedView(redis_client.connect(settings), 60).read("nobody")
    assert figures("redis", "read")[0] == before[0] + 1


def test_a_silent_redis_has_failed() -> None:
    before = figures("redis", "read")
    lost = Settings(redis_url=f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(StoreUnavailable):
        RedisSpeedView(redis_client.connect(lost), 60).read("nobody")
    count, _, errors = figures("redis", "read")
    assert (count, errors) == (before[0] + 1, before[2] + 1)


def test_requests_to_s3_are_timed_and_an_answer_is_no_failure(settings: Settings, minio_server: MinioServer) -> None:
    objects = s3_objects.connect(settings)
    put, get = figures("s3", "PutObject"), figures("s3", "GetObject")
    objects.put_new("a", b"1")
    with pytest.raises(Conflict):
        objects.put_new("a", b"2")
    with pytest.raises(NotFound):
        objects.get("b")
    assert figures("s3", "PutObject")[::2] == (put[0] + 2, put[2])
    assert figures("s3", "GetObject")[::2] == (get[0] + 1, get[2])


def test_a_silent_s3_has_failed(settings: Settings) -> None:
    before = figures("s3", "GetObject")
    lost = settings.model_copy(update={"s3_endpoint_url": f"http://127.0.0.1:{free_port()}"})
    with pytest.raises(StoreUnavailable):
        s3_objects.connect(lost).get("a")
    count, _, errors = figures("s3", "GetObject")
    assert (count, errors) == (before[0] + 1, before[2] + 1)
