"""GET /stats and GET /trends/global over real servers: schema, problems, read your writes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient
from prometheus_client import REGISTRY
from pymongo import MongoClient
from pymongo.database import Database

from cinematch.adapters.mongodb_trend_counts import TrendState
from cinematch.api.application import create_app
from cinematch.contracts.movie_document import movie_document
from cinematch.domain.events import Event
from cinematch.domain.statistics import statistics
from cinematch.domain.summary import summarise
from cinematch.domain.trends import FilmCount
from cinematch.domain.watchlist import Film, replay
from cinematch.local_stack.mongo_server import MongoServer
from cinematch.local_stack.redis_server import RedisServer
from cinematch.settings import Settings, StatsMode
from micro_batch.trends_document import Source, trends_document
from serving_layer.dashboard.routes import router as dashboard
from serving_layer.routes import router
from serving_layer.schema import GlobalTrendsAnswer, HabitsAnswer, UserStatsAnswer
from tests.histories import add, film

pytestmark = pytest.mark.integration

NOW = datetime(2026, 1, 20, tzinfo=UTC)
FILMS = {f"m{n}": film(f"m{n}", directors=("A. Rossi",), runtime_minutes=90) for n in range(1, 9)}
LOG = [add(n, f"m{n}", rating=n / 2 + 4, genres=("Drama",)) for n in range(1, 9)]


@pytest.fixture
def database(settings: Settings, mongo_server: MongoServer) -> Iterator[Database[dict[str, Any]]]:
    with MongoClient[dict[str, Any]](settings.mongodb_url) as client:
        yield client[settings.mongodb_database]


@pytest.fixture
def client(settings: Settings, mongo_server: MongoServer) -> Iterator[TestClient]:
    with TestClient(create_app(settings.model_copy(update={"min_sequence_wait_seconds": 60.0}), [router])) as client:
        yield client


def store_view(database: Database[dict[str, Any]], events: list[Event], films: dict[str, Film], latest: int) -> None:
    """Put what micro_batch would have written after `events`, and the counter of ingestion."""
    summary = summarise(replay(events), films)
    document = {
        "user_id": "user",
        "stats": statistics(summary),
        "rating_tenths": summary.totals.rating_tenths,
        "sequence": summary.sequence,
        "last_updated": NOW,
    }
    database.user_stats.replace_one({"_id": "user"}, document, upsert=True)
    database.user_sequences.replace_one({"_id": "user"}, {"sequence": latest}, upsert=True)


def test_the_answer_is_flat_and_fits_the_documented_schema(
    client: TestClient, database: Database[dict[str, Any]]
) -> None:
    store_view(database, LOG, FILMS, latest=8)
    response = client.get("/stats", params={"user_id": "user"})
    assert response.status_code == 200
    answer = UserStatsAnswer.model_validate_json(response.content, strict=True)
    assert (answer.total_watched, answer.favorite_genre, answer.watch_time_hours) == (8, "Drama", 12.0)
    assert answer.last_updated == NOW
    assert answer.freshness.model_dump() == {
        "mode": "micro_batch",
        "batch_generation": None,
        "as_of_sequence": 8,
        "applied_sequence": 8,
        "latest_sequence": 8,
        "complete": True,
    }


def test_a_view_behind_the_log_is_not_complete(client: TestClient, database: Database[dict[str, Any]]) -> None:
    store_view(database, LOG[:5], FILMS, latest=8)
    freshness = client.get("/stats", params={"user_id": "user"}).json()["freshness"]
    assert (freshness["applied_sequence"], freshness["latest_sequence"], freshness["complete"]) == (5, 8, False)


def test_a_user_whose_events_no_view_has_yet_is_an_empty_list_marked_incomplete(
    client: TestClient, database: Database[dict[str, Any]]
) -> None:
    database.user_sequences.insert_one({"_id": "user", "sequence": 1})
    response = client.get("/stats", params={"user_id": "user"})
    answer = UserStatsAnswer.model_validate_json(response.content, strict=True)
    assert (answer.total_watched, answer.avg_rating, answer.last_updated) == (0, None, None)
    assert not answer.freshness.complete


@pytest.mark.parametrize("mode", [StatsMode.MICRO_BATCH, StatsMode.LAMBDA])
def test_answers_are_counted_and_what_the_pages_look_at_is_not(
    settings: Settings, redis_server: RedisServer, database: Database[dict[str, Any]], mode: StatsMode
) -> None:
    store_view(database, LOG, FILMS, latest=8)
    changes = {"stats_mode": mode, "redis_url": redis_server.url}
    with TestClient(create_app(settings.model_copy(update=changes), [router, dashboard])) as client:
        before = counted()
        assert client.get("/dashboard/users/stats", params={"user_id": "user"}).status_code == 200
        assert counted() == before
        assert client.get("/stats", params={"user_id": "user"}).status_code == 200
        merges = 1 if mode is StatsMode.LAMBDA else 0
        assert counted() == {"answers": before["answers"] + 1, "merges": before["merges"] + merges}


def counted() -> dict[str, float]:
    """Give what the API has counted so far."""
    samples = [sample for metric in REGISTRY.collect() for sample in metric.samples]
    totals = {"answers": "cinematch_answers_total", "merges": "cinematch_merges_total"}
    return {key: sum(it.value for it in samples if it.name == name) for key, name in totals.items()}


def test_a_user_without_any_event_is_not_found(client: TestClient) -> None:
    response = client.get("/stats", params={"user_id": "nobody"})
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["errors"][0]["field"] == "user_id"


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({}, "user_id"),
        ({"user_id": ""}, "user_id"),
        ({"user_id": "x" * 129}, "user_id"),
        ({"user_id": "a\x00b"}, "user_id"),
        ({"user_id": "user", "min_sequence": "0"}, "min_sequence"),
        ({"user_id": "user", "min_sequence": "two"}, "min_sequence"),
        ({"user_id": "user", "min_sequence": str(2**53)}, "min_sequence"),
    ],
)
def test_a_bad_input_is_named(client: TestClient, params: dict[str, str], field: str) -> None:
    response = client.get("/stats", params=params)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["errors"][0]["field"] == field


def test_min_sequence_waits_until_the_event_is_in_the_answer(
    client: TestClient, database: Database[dict[str, Any]]
) -> None:
    store_view(database, LOG[:7], FILMS, latest=8)
    later = threading.Timer(0.2, store_view, (database, LOG, FILMS, 8))
    later.start()
    answer = client.get("/stats", params={"user_id": "user", "min_sequence": 8}).json()
    later.join()
    assert answer["total_watched"] == 8


def test_min_sequence_gives_up_in_time(settings: Settings, database: Database[dict[str, Any]]) -> None:
    store_view(database, LOG[:7], FILMS, latest=8)
    with TestClient(create_app(settings.model_copy(update={"min_sequence_wait_seconds": 0.6}), [router])) as client:
        started = time.monotonic()
        response = client.get("/stats", params={"user_id": "user", "min_sequence": 8})
    assert (response.status_code, response.headers["content-type"]) == (504, "application/problem+json")
    assert time.monotonic() - started < 30


def test_global_trends_show_public_fields_only(client: TestClient, database: Database[dict[str, Any]]) -> None:
    state = TrendState(iter([FilmCount("m1", "Film m1", 2, None, 1995)]), {"Drama": 2}, 2)
    document = trends_document(state, Source.BOOTSTRAP, NOW, NOW)
    before = {"previous_top": ["m7", "m1"], "compared_with": NOW.isoformat()}
    database.global_stats.insert_one({"type": "global_trends", **document, **before})
    response = client.get("/trends/global")
    assert response.status_code == 200
    film = GlobalTrendsAnswer.model_validate_json(response.content, strict=True).top_movies[0]
    assert (film.count, film.year, film.previous_place) == (2, 1995, 2)


def test_global_trends_before_the_bootstrap_are_unavailable(client: TestClient) -> None:
    response = client.get("/trends/global")
    assert (response.status_code, response.headers["content-type"]) == (503, "application/problem+json")


def test_the_documentation_describes_the_answer_and_its_problems(client: TestClient) -> None:
    operation = client.get("/openapi.json").json()["paths"]["/v1/stats"]["get"]
    assert set(operation["responses"]) == {"200", "304", "404", "422", "503", "504"}
    assert operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith("UserStatsAnswer")


def test_an_answer_that_a_client_has_is_not_sent_again_until_it_changes(
    client: TestClient, database: Database[dict[str, Any]]
) -> None:
    store_view(database, LOG[:7], FILMS, latest=7)
    first = client.get("/stats", params={"user_id": "user"})
    assert first.headers["cache-control"] == "private, no-cache"
    known = {"If-None-Match": first.headers["etag"]}
    again = client.get("/stats", params={"user_id": "user"}, headers=known)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    # Not a figure has changed; that one event more was issued has: the old answer would pretend to be complete.
    database.user_sequences.replace_one({"_id": "user"}, {"sequence": 8})
    behind = client.get("/stats", params={"user_id": "user"}, headers=known)
    assert (behind.status_code, behind.json()["freshness"]["complete"]) == (200, False)
    store_view(database, LOG, FILMS, latest=8)
    assert client.get("/stats", params={"user_id": "user"}, headers=known).json()["total_watched"] == 8


def test_habits_and_trends_are_sent_once_too(client: TestClient, database: Database[dict[str, Any]]) -> None:
    list_of(database, LOG)
    state = TrendState(iter([FilmCount("m1", "Film m1", 2, None)]), {"Drama": 2}, 2)
    document = trends_document(state, Source.BOOTSTRAP, NOW, NOW)
    database.global_stats.insert_one({"type": "global_trends", **document})
    for path in (f"/habits?user_id={LOG[0].user_id}", "/trends/global"):
        known = {"If-None-Match": client.get(path).headers["etag"]}
        assert client.get(path, headers=known).status_code == 304
        assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200
    database.global_stats.update_one({}, {"$set": {"total_movies_analyzed": 3}})
    assert client.get("/trends/global", headers=known).status_code == 200


def test_habits_come_from_the_list_itself(client: TestClient, database: Database[dict[str, Any]]) -> None:
    list_of(database, LOG)
    answer = client.get("/habits", params={"user_id": LOG[0].user_id})
    assert answer.status_code == 200, answer.text
    found = HabitsAnswer.model_validate_json(answer.content)
    assert (found.sequence, sum(found.films_per_weekday)) == (len(LOG), len(LOG))
    assert client.get("/habits", params={"user_id": "nobody"}).status_code == 404


def list_of(database: Database[dict[str, Any]], events: list[Event]) -> None:
    """Put what ingestion would have written: the list and the counter."""
    database["movies"].insert_many([movie_document(event) for event in events])
    database["user_sequences"].insert_one({"_id": events[0].user_id, "sequence": events[-1].sequence})
