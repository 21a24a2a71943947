"""What POST has acknowledged survives kill -9 of MongoDB; meanwhile the API says that it is away."""

from __future__ import annotations

from typing import Any

from fastapi.testclient import TestClient

from cinematch.adapters.mongodb_client import SyncDatabase
from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.local_stack.mongo_server import MongoServer


def test_an_acknowledged_change_survives_kill_9_of_mongod(
    api: TestClient, database: SyncDatabase, mongo_server: MongoServer
) -> None:
    def post(movie_id: str) -> Any:
        return api.post("/movies", json={"user_id": "u", "movie_id": movie_id, "rating": 7}).status_code

    assert [post(f"m{number:03}") for number in range(10)] == [200] * 10
    mongo_server.kill()
    try:
        refused = api.post("/movies", json={"user_id": "u", "movie_id": "heat"})
        assert refused.status_code == 503
        assert refused.headers["content-type"] == "application/problem+json"
        assert api.get("/health/ready").json()["failing"] == ["mongodb"]
        assert api.get("/health/live").status_code == 200
    finally:
        mongo_server.start()
        mongo_server.wait_ready()
    assert [event.movie_id for event in Outbox(database).events_after("u", 0)] == [f"m{n:03}" for n in range(10)]
    assert len(api.get("/movies", params={"user_id": "u"}).json()["movies"]) == 10
    assert post("heat") == 200
    assert api.get("/health/ready").status_code == 200
