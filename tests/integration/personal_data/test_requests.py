"""What people and operators call: the requests, the commands, and what the API does by itself afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner, Result

from batch_layer.eraser import eraser as batch_eraser
from cinematch.adapters import redis_client
from cinematch.adapters.mongodb_client import connect
from cinematch.adapters.mongodb_generations import MongoGenerations
from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.adapters.mongodb_schema import ensure_schema
from cinematch.adapters.mongodb_watchlists import Watchlists
from cinematch.adapters.redis_speed_view import RedisSpeedView
from cinematch.api.application import create_app
from cinematch.cli.application import app
from cinematch.contracts.collections import OUTBOX
from cinematch.contracts.erasure import Erasure, Removed, user_digest
from cinematch.contracts.redis_keys import user_keys
from cinematch.domain.changes import AddFilm
from cinematch.domain.watchlist import Film
from cinematch.errors import ConfigurationError
from cinematch.local_stack.minio_server import MinioServer
from cinematch.local_stack.mongo_server import MongoServer
from cinematch.local_stack.redis_server import RedisServer
from cinematch.settings import Settings
from data_lake.eraser import NoLake
from ingestion.personal_data import routes
from ingestion.personal_data.connections import connected
from tests.environments import environment_of
from tests.lake_stage import wait_until

pytestmark = pytest.mark.integration
NOWHERE = "http://127.0.0.1:1"


def unfinished(report: dict[str, Any]) -> set[str]:
    return {step["step"] for step in report["steps"] if step["done_at"] is None}


@pytest.fixture
def redis(redis_server: RedisServer, settings: Settings) -> Iterator[Any]:
    """An empty Redis."""
    client: Any = redis_client.connect(settings)
    client.flushall()
    yield client
    client.flushall()
    client.close()


class TestAnExport:
    """Of a user with two films, by request."""

    @pytest.fixture
    def small(
        self, mongo_server: MongoServer, redis: Any, minio_server: MinioServer, settings: Settings
    ) -> Iterator[Callable[..., Any]]:
        with connect(settings) as client:
            database = client[settings.mongodb_database]
            ensure_schema(database)
            Watchlists(database).add_many("ann", [AddFilm(Film(it, f"Film {it}"), 7.5) for it in ("m1", "m2")])

            def export(**changes: object) -> Any:
                changed = settings.model_copy(update=changes)
                with TestClient(create_app(changed, [routes.router]), raise_server_exceptions=False) as api:
                    return api.get("/users/ann/export")

            yield export

    def test_is_refused_whole_when_a_store_is_away(self, small: Callable[..., Any]) -> None:
        assert small().json()["complete"] is True
        answer = small(s3_endpoint_url=NOWHERE)
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert small(redis_url="redis://127.0.0.1:1").status_code == 503

    def test_says_which_events_are_stored_nowhere_and_gives_the_others(
        self, small: Callable[..., Any], settings: Settings
    ) -> None:
        with connect(settings) as client:
            client[settings.mongodb_database][OUTBOX].delete_one({"user_id": "ann", "sequence": 1})
        exported = small().json()
        assert [event["sequence"] for event in exported["events"]] == [2]
        assert exported["complete"] is False
        assert exported["missing"] == ["1 events of 1 to 2, the first of them 1: stored nowhere"]

    def test_says_that_the_speed_view_is_damaged(self, small: Callable[..., Any], redis: Any) -> None:
        redis.set(user_keys("ann").speed, "nonsense")
        exported = small().json()
        assert (exported["speed_view"], exported["complete"]) == (None, False)
        assert exported["missing"] == ["the speed view: it is damaged, and is made anew"]


class TestWithoutKafka:
    """MongoDB, Redis and S3 as ever: everything but the lake, which cannot know how far the log reaches, goes."""

    @pytest.fixture
    def alone(
        self, mongo_server: MongoServer, redis: Any, minio_server: MinioServer, settings: Settings
    ) -> Iterator[Settings]:
        """Settings of stores that have something of ann, whose events are all in Kafka."""
        alone = settings.model_copy(update={"kafka_bootstrap_servers": "127.0.0.1:1"})
        with connect(alone) as client:
            database = client[alone.mongodb_database]
            ensure_schema(database)
            Watchlists(database).add_many("ann", [AddFilm(Film("m1", "Film m1"), 7.5)])
            events = Outbox(database).events_after("ann", 0)
            RedisSpeedView(redis, 60.0).apply({"ann": events})
            Outbox(database).mark_published(events)
            yield alone

    def test_the_api_erases_at_once_and_goes_on_by_itself(
        self, alone: Settings, redis: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(routes, "POLL_SECONDS", 0.2)
        with connect(alone) as client, TestClient(create_app(alone, [routes.router])) as api:
            outbox = client[alone.mongodb_database][OUTBOX]
            assert api.get("/users/ann/erasure").status_code == 404
            assert api.get("/users/ann/export").json()["speed_view"]["movie_count"] == 1
            answer = api.delete("/users/ann")
            assert (answer.status_code, answer.json()["user_digest"]) == (202, user_digest("ann"))
            assert api.get("/users/ann/export").status_code == 404
            assert api.delete("/users/nobody").status_code == 404
            outbox.update_many({}, {"$set": {"published_at": datetime.now(UTC)}})
            wait_until(lambda: unfinished(api.get("/users/ann/erasure").json()) == {"data_lake"}, "all but the lake")
            assert api.delete("/users/ann").json()["last_sequence"] == 2, "asking again is harmless"
            assert (outbox.count_documents({}), list(redis.scan_iter())) == (0, [])

    def test_commands_export_erase_and_tell_what_became_of_it(self, alone: Settings, tmp_path: Path) -> None:
        def user(*arguments: str) -> Result:
            return CliRunner().invoke(app, ["user", *arguments], env=environment_of(alone))

        assert user("export", "ann", "--to", str(tmp_path / "ann.json")).exit_code == 0
        exported = json.loads((tmp_path / "ann.json").read_bytes())
        assert (len(exported["events"]), exported["complete"]) == (1, True)
        assert json.loads(user("export", "ann").stdout) == exported
        assert user("erase", "ann").exit_code == 1, "nobody has said yes"
        erased = user("erase", "ann", "--yes", "--wait", "0")
        assert erased.exit_code == 3, erased.output
        told = json.loads(user("erasure", "ann").stdout)
        assert told["user_digest"] == user_digest("ann")
        assert unfinished(told) == {"data_lake", "ingestion"}
        for command in ("export", "erasure"):
            assert user(command, "nobody").exit_code == 1


def test_where_there_never_was_a_lake_nobody_waits_for_one(
    mongo_server: MongoServer, redis: Any, settings: Settings
) -> None:
    """As compose runs the profile micro-batch: nothing of S3 is there."""
    alone = settings.model_copy(update={"s3_endpoint_url": NOWHERE, "lake_in_use": False})
    with connected(alone) as stores, connect(alone) as client:
        Watchlists(client[alone.mongodb_database]).add_many("ann", [AddFilm(Film("m1", "Film m1"), 7.5)])
        exported = json.loads(b"".join(stores.export.of("ann")))
        assert ([event["sequence"] for event in exported["events"]], exported["complete"]) == ([1], True)
        erasure = stores.erasing.begin("ann")
        assert batch_eraser(alone).erase(erasure).waits_for is None
        assert NoLake(list, dict).erase(erasure) == Removed({})


def test_that_there_is_no_lake_is_not_believed_against_the_evidence(
    mongo_server: MongoServer, settings: Settings
) -> None:
    erasure = Erasure(user_digest("ann"), 1, datetime.now(UTC), "ann", {"ingestion": {"done_at": datetime.now(UTC)}})
    with connect(settings) as client:
        MongoGenerations(client[settings.mongodb_database]).create("test", datetime.now(UTC), None, None)
    alone = settings.model_copy(update={"s3_endpoint_url": NOWHERE, "lake_in_use": False})
    for eraser in (batch_eraser(alone), NoLake(lambda: [1], dict), NoLake(list, lambda: {"a partition": 1})):
        with pytest.raises(ConfigurationError, match="LAKE_IN_USE: false is wrong"):
            eraser.erase(erasure)
