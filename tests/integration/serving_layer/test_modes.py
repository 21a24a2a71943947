"""The four modes over real servers: one schema, the same numbers once drained, and what each does without a server."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient
from prometheus_client import REGISTRY

from cinematch.adapters import mongodb_client, redis_client, redis_stats_cache
from cinematch.adapters.mongodb_generations import MongoGenerations
from cinematch.adapters.mongodb_stats import MongoStats
from cinematch.adapters.mongodb_user_stats import UserStats, UserStatsView
from cinematch.adapters.redis_speed_view import RedisSpeedView
from cinematch.adapters.redis_stats_cache import RedisStatsCache
from cinematch.api.application import create_app
from cinematch.contracts import collections
from cinematch.contracts.batch_document import batch_document
from cinematch.contracts.catalog_document import catalog_document
from cinematch.contracts.generations import list_chunks
from cinematch.contracts.redis_keys import user_keys
from cinematch.contracts.stored_stats import Stored
from cinematch.domain.events import Event
from cinematch.domain.statistics import statistics
from cinematch.domain.summary import summarise
from cinematch.domain.watchlist import replay
from cinematch.local_stack.mongo_server import MongoServer
from cinematch.local_stack.redis_server import RedisServer
from cinematch.metrics.catalogue import STORE_SECONDS
from cinematch.settings import Settings, StatsMode
from serving_layer import cache_aside_mode
from serving_layer.cache_aside_mode import CacheAsideStats
from serving_layer.routes import router
from serving_layer.schema import UserStatsAnswer
from tests.histories import add, delete, film, update

pytestmark = pytest.mark.integration

NOW = datetime(2026, 1, 20, 3, 0, 0, 250_000, tzinfo=UTC)
PATIENCE_SECONDS = 60
FILMS = {
    f"m{n}": film(f"m{n}", genres=("Sci.Fi", "$Drama"[n % 2 :]), directors=("J.J. $Abrams",), runtime_minutes=95)
    for n in range(1, 8)
}


def added(sequence: int, movie_id: str, rating: float | None) -> Event:
    return add(sequence, movie_id, rating, movie_name=FILMS[movie_id].title, genres=FILMS[movie_id].genres)


ADDS = [added(n, f"m{n}", None if n == 3 else n + 0.5) for n in range(1, 8)]
LOG = [*ADDS, update(8, ADDS[0], 9.5), delete(9, ADDS[1]), update(10, ADDS[2], 4.0)]


@dataclass
class Stack:
    """Real stores, filled as the layers would fill them."""

    settings: Settings

    def __post_init__(self) -> None:
        self.mongodb = mongodb_client.connect(self.settings)
        self.redis = redis_client.connect(self.settings)
        self.database = self.mongodb[self.settings.mongodb_database]
        self.generations = MongoGenerations(self.database)
        self.speed_view = RedisSpeedView(self.redis, 1000)
        self.redis.flushall()
        self.database[collections.CATALOG].insert_many(map(catalog_document, FILMS.values()))
        self.database[collections.USER_SEQUENCES].insert_one({"_id": "user", "sequence": len(LOG)})

    def close(self) -> None:
        self.mongodb.close()
        self.redis.close()

    def micro_batch(self, events: int) -> None:
        summary = summarise(replay(LOG[:events]), FILMS)
        result = UserStats("user", statistics(summary), summary.totals.rating_tenths, events, NOW)
        UserStatsView(self.database).write([result])

    def batch(self, events: int) -> None:
        number = self.generations.create("test", NOW, None, None).number
        watchlist = replay(LOG[:events])
        document = batch_document("user", summarise(watchlist, FILMS), number, NOW)
        self.generations.write(number, [document], list_chunks("user", watchlist))
        self.generations.publish(number, NOW)

    def apply(self, first: int, last: int) -> None:
        self.speed_view.apply({"user": LOG[first - 1 : last]})

    @contextmanager
    def client(self, mode: StatsMode, mongodb_seconds: float = 15.0) -> Iterator[TestClient]:
        own = {"stats_mode": mode, "min_sequence_wait_seconds": 60.0, "mongodb_timeout_seconds": mongodb_seconds}
        with TestClient(create_app(self.settings.model_copy(update=own), [router])) as client:
            yield client

    def stats(self, mode: StatsMode, **params: Any) -> dict[str, Any]:
        with self.client(mode) as client:
            response = client.get("/stats", params={"user_id": "user", **params})
        assert response.status_code == 200, response.text
        UserStatsAnswer.model_validate_json(response.content, strict=True)
        answer: dict[str, Any] = response.json()
        return answer


@pytest.fixture
def stack(settings: Settings, mongo_server: MongoServer, redis_server: RedisServer) -> Iterator[Stack]:
    stack = Stack(settings)
    yield stack
    stack.close()


def figures(answer: dict[str, Any]) -> dict[str, Any]:
    about = ("last_updated", "batch_updated_at", "realtime_delta_count", "freshness")
    return {name: value for name, value in answer.items() if name not in about}


def test_once_drained_every_mode_gives_the_same_numbers(stack: Stack) -> None:
    stack.batch(6)
    stack.apply(7, len(LOG))
    stack.micro_batch(len(LOG))
    answers = [stack.stats(mode) for mode in (*StatsMode, StatsMode.CACHE_ASIDE)]
    assert answers[0]["total_watched"] == 6
    assert all(figures(answer) == figures(answers[0]) for answer in answers)
    assert all(answer["freshness"]["complete"] for answer in answers)
    assert all(answer["freshness"]["applied_sequence"] == len(LOG) for answer in answers)


def test_a_merged_answer_asks_each_store_once(stack: Stack) -> None:
    """Films that another answer has asked for are remembered."""
    stack.batch(6)
    stack.apply(7, len(LOG))
    with stack.client(StatsMode.LAMBDA) as client:
        client.get("/stats", params={"user_id": "user"})
        before = asked_of_stores()
        answer = client.get("/stats", params={"user_id": "user"}).json()
        asked = {of: count - before[of] for of, count in asked_of_stores().items() if count > before[of]}
    assert answer["freshness"]["applied_sequence"] > answer["freshness"]["as_of_sequence"]
    assert asked == {("mongodb", "aggregate"): 1, ("redis", "read"): 1}


def asked_of_stores() -> Counter[tuple[str, str]]:
    """Give how often this process has asked a store, by store and command; the driver's look at the cluster apart."""
    (told,) = (family for family in REGISTRY.collect() if family.name == STORE_SECONDS.name)
    counts = [sample for sample in told.samples if sample.name.endswith("_count")]
    return Counter(
        {
            (sample.labels["store"], sample.labels["operation"]): int(sample.value)
            for sample in counts
            if sample.labels["operation"] not in ("hello", "ping")
        }
    )


def test_an_answer_is_part_batch_and_part_speed(stack: Stack) -> None:
    stack.batch(4)
    stack.apply(5, 7)
    answer = stack.stats(StatsMode.LAMBDA)
    assert (answer["total_watched"], answer["realtime_delta_count"]) == (7, 3)
    assert answer["batch_updated_at"] == "2026-01-20T03:00:00.250000Z"
    assert answer["freshness"] == {
        "mode": "lambda",
        "batch_generation": 1,
        "as_of_sequence": 4,
        "applied_sequence": 7,
        "latest_sequence": 10,
        "complete": False,
    }


def test_incremental_counters_are_ahead_of_the_rest(stack: Stack) -> None:
    stack.micro_batch(7)
    stack.apply(1, 10)
    answer = stack.stats(StatsMode.INCREMENTAL)
    assert (answer["total_watched"], answer["realtime_delta_count"]) == (6, -1)
    assert len(answer["top_rated_movies"]) == 6  # as of event 7: seven films, one of them unrated
    assert (answer["freshness"]["applied_sequence"], answer["freshness"]["complete"]) == (7, False)


def test_min_sequence_reads_your_own_write(stack: Stack) -> None:
    stack.batch(6)
    stack.apply(7, 9)
    later = threading.Timer(0.3, stack.apply, (10, 10))
    later.start()
    answer = stack.stats(StatsMode.LAMBDA, min_sequence=10)
    later.join()
    assert answer["freshness"]["applied_sequence"] == 10


@pytest.mark.parametrize(
    ("mode", "applied", "complete"),
    [(StatsMode.LAMBDA, 6, False), (StatsMode.INCREMENTAL, 10, False), (StatsMode.CACHE_ASIDE, 10, True)],
)
def test_without_redis_the_answer_says_what_it_lacks(
    stack: Stack, redis_server: RedisServer, mode: StatsMode, applied: int, complete: bool
) -> None:
    stack.batch(6)
    stack.apply(7, 10)
    stack.micro_batch(10)
    redis_server.kill()
    try:
        with stack.client(mode) as client:
            health = client.get("/health/ready").json()
        freshness = stack.stats(mode)["freshness"]
    finally:
        redis_server.start()
        redis_server.wait_ready()
    assert (freshness["applied_sequence"], freshness["complete"]) == (applied, complete)
    assert (health["status"], health["dependencies"]["redis"]) == ("degraded", "failing")


@pytest.mark.parametrize("mode", [StatsMode.INCREMENTAL, StatsMode.LAMBDA])
def test_with_damaged_keys_the_slower_view_answers_and_a_repair_is_asked_for(stack: Stack, mode: StatsMode) -> None:
    stack.batch(6)
    stack.micro_batch(6)
    stack.redis.set(user_keys("user").speed, "x")
    answer = stack.stats(mode)
    assert (answer["freshness"]["applied_sequence"], answer["freshness"]["complete"]) == (6, False)
    assert [request["_id"] for request in stack.database[collections.SPEED_REPAIRS].find()] == ["user"]


@pytest.mark.parametrize("mode", [StatsMode.INCREMENTAL, StatsMode.LAMBDA])
def test_damaged_keys_do_not_matter_where_the_slower_view_has_everything(stack: Stack, mode: StatsMode) -> None:
    stack.batch(len(LOG))
    stack.micro_batch(len(LOG))
    stack.redis.set(user_keys("user").speed, "x")
    assert stack.stats(mode)["freshness"]["complete"]


def test_without_mongodb_every_mode_is_unavailable(stack: Stack, mongo_server: MongoServer) -> None:
    stack.micro_batch(10)
    stack.stats(StatsMode.CACHE_ASIDE)
    mongo_server.kill()
    try:
        for mode in StatsMode:
            with stack.client(mode, mongodb_seconds=1.0) as client:
                response = client.get("/stats", params={"user_id": "user"})
            assert (response.status_code, response.headers["content-type"]) == (503, "application/problem+json"), mode
    finally:
        mongo_server.start()
        mongo_server.wait_ready()


async def test_readers_never_miss_the_batch_view_while_generations_are_published(stack: Stack) -> None:
    stack.batch(3)
    stack.batch(6)
    missing, reads = 0, 0
    async with mongodb_client.connect_async(stack.settings) as client:
        store = MongoStats(client[stack.settings.mongodb_database])
        flips = asyncio.create_task(asyncio.to_thread(flip, stack.generations))
        while not flips.done():
            found = await asyncio.gather(*(store.batch_stats("user") for _ in range(4)))
            missing += sum(stored.document is None for stored in found)
            reads += len(found)
        await flips
    assert (missing, reads > 100) == (0, True)


def flip(generations: MongoGenerations) -> None:
    for turn in range(100):
        generations.publish(1 + turn % 2, NOW)


async def test_a_stampede_recomputes_once(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """With more patience than a busy machine needs: that nobody waits for ever is shown elsewhere."""
    monkeypatch.setattr(redis_stats_cache, "LOCK_MILLISECONDS", 1000 * PATIENCE_SECONDS)
    monkeypatch.setattr(cache_aside_mode, "RETRIES", round(PATIENCE_SECONDS / cache_aside_mode.RETRY_SECONDS))
    patient = stack.settings.model_copy(update={"redis_timeout_seconds": PATIENCE_SECONDS})

    class CountedStats(MongoStats):
        reads = 0

        async def user_stats(self, user_id: str) -> Stored:
            self.reads += 1
            return await super().user_stats(user_id)

    stack.micro_batch(10)
    redis = redis_client.connect_async(patient)
    async with mongodb_client.connect_async(stack.settings) as client:
        store = CountedStats(client[stack.settings.mongodb_database])
        mode = CacheAsideStats(store, RedisStatsCache(redis, 300))
        views = await asyncio.gather(*(mode.view("user") for _ in range(100)))
    await redis.aclose()
    assert store.reads == 1
    assert all(view is not None and view.freshness.complete for view in views)
