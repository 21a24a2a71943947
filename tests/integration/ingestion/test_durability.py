"""What POST has acknowledged survives kill -9 of MongoDB, and a killed API keeps nobody from going on."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

from fastapi.testclient import TestClient

from cinematch.adapters.mongodb_client import SyncDatabase
from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.local_stack.mongo_server import TRANSACTION_SECONDS, MongoServer

HOLD = """
import sys, time
from pymongo import MongoClient
client = MongoClient(sys.argv[1])
with client.start_session() as session, session.start_transaction():
    counters = client[sys.argv[2]]["user_sequences"]
    counters.update_one({"_id": "u"}, {"$inc": {"sequence": 1}}, upsert=True, session=session)
    print("holds", flush=True)
    time.sleep(600)
"""
"""An API between the first write of a change and its commit."""


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


def test_a_change_that_a_killed_api_left_open_keeps_its_user_from_others_for_seconds_only(
    api: TestClient, database: SyncDatabase, mongo_server: MongoServer
) -> None:
    def post(user_id: str) -> Any:
        return api.post("/movies", json={"user_id": user_id, "movie_id": "heat", "rating": 7}).status_code

    command = [sys.executable, "-c", HOLD, mongo_server.url, database.name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "holds\n"
        child.kill()
    began = time.monotonic()
    assert post("another") == 200
    statuses = [post("u")]
    while statuses[-1] != 200:
        assert time.monotonic() < began + 3 * TRANSACTION_SECONDS, statuses
        statuses.append(post("u"))
    assert set(statuses) <= {200, 503}
    assert [event.sequence for event in Outbox(database).events_after("u", 0)] == [1]
