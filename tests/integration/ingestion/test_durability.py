"""What POST has acknowledged survives kill -9 of MongoDB, and a killed API keeps nobody from going on.

A killed mongod leaves its writes to the operating system, so that it asks for the journal shows in its commands only.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from cinematch.adapters import mongodb_client
from cinematch.adapters.mongodb_change_groups import ChangeGroups, ChangeRequest
from cinematch.adapters.mongodb_client import SyncDatabase, connect, connect_async
from cinematch.adapters.mongodb_erasures import Erasures
from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.adapters.mongodb_watchlists import Watchlists
from cinematch.domain.changes import AddFilm, RemoveFilm
from cinematch.domain.watchlist import Film
from cinematch.local_stack.mongo_server import TRANSACTION_SECONDS, MongoServer
from cinematch.settings import Settings

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
DURABLE = {"w": "majority", "j": True}
CHANGE = AddFilm(Film("heat", "Heat"), 7.5)


class Commits(CommandListener):
    """Keeps what each commit asks the server to wait for."""

    def __init__(self) -> None:
        self.concerns: list[Any] = []

    def started(self, event: CommandStartedEvent) -> None:
        if event.command_name == "commitTransaction":
            self.concerns.append(event.command.get("writeConcern"))

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Nothing to be kept."""

    def failed(self, event: CommandFailedEvent) -> None:
        """Nothing to be kept."""


@pytest.fixture
def commits(database: SyncDatabase, monkeypatch: pytest.MonkeyPatch) -> Commits:
    """Those of the clients that are connected from now on."""
    commits = Commits()
    monkeypatch.setattr(mongodb_client, "_COMMAND_TIMES", commits)
    return commits


@pytest.fixture
def heard(commits: Commits, settings: Settings) -> Iterator[SyncDatabase]:
    """The test's database by a client whose commits are kept."""
    with connect(settings) as client:
        yield client[settings.mongodb_database]


def test_a_change_of_a_list_is_journaled_by_a_majority_before_it_is_acknowledged(
    heard: SyncDatabase, commits: Commits
) -> None:
    watchlists = Watchlists(heard)
    events = [*watchlists.change("u", CHANGE).events, *watchlists.change("u", RemoveFilm("heat")).events]
    assert commits.concerns == [DURABLE] * 2
    Erasures(heard).bury("u")
    assert commits.concerns == [DURABLE] * 3
    heard["outbox"].delete_many({})
    heard["erasures"].delete_many({})
    watchlists.put_back("u", events[:1])
    assert commits.concerns == [DURABLE] * 4


def test_a_group_of_changes_is_journaled_by_a_majority_before_it_is_acknowledged(
    commits: Commits, settings: Settings
) -> None:
    async def work() -> None:
        async with connect_async(settings) as client:
            groups = ChangeGroups(client[settings.mongodb_database])
            await groups.carry_out([ChangeRequest(user, "heat", lambda _: CHANGE) for user in ("u", "v")])
            await groups.carry_out([ChangeRequest(user, "heat", lambda _: RemoveFilm("heat")) for user in ("u", "v")])

    asyncio.run(work())
    assert commits.concerns == [DURABLE] * 2


def test_what_the_api_acknowledges_is_journaled_by_a_majority(commits: Commits, api: TestClient) -> None:
    api.post("/movies", json={"user_id": "u", "movie_id": "heat", "rating": 7}).raise_for_status()
    api.delete("/movies/heat", params={"user_id": "u"}).raise_for_status()
    assert commits.concerns == [DURABLE] * 2


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
