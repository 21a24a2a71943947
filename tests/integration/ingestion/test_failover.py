"""A primary that dies, of three members: another one takes over, and nothing that was acknowledged is lost or twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest
from fastapi.testclient import TestClient
from pymongo import MongoClient

from cinematch.adapters.mongodb_catalog_writer import CatalogWriter
from cinematch.adapters.mongodb_client import connect
from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.adapters.mongodb_schema import ensure_schema
from cinematch.api.application import create_app
from cinematch.domain.watchlist import Film
from cinematch.local_stack.log_file import LogFile
from cinematch.local_stack.mongo_server import REPLICA_SET, MongoServer
from cinematch.local_stack.ports import LOOPBACK, accepts_connections, free_port
from cinematch.local_stack.toolchain import Toolchain
from cinematch.settings import Settings
from ingestion.routes import router

MEMBERS: Final = 3
FILMS: Final = [Film(f"f{number}", f"Film no. {number}") for number in range(5_000)]
PATIENCE_SECONDS: Final = 180.0
CHANGES_AFTER: Final = 10
"""Acknowledged by the new primary, until we believe it."""


class Member(MongoServer):
    """One of several; ready when it listens, for nobody is primary yet."""

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{LOOPBACK}:{self._port}"

    def ready(self) -> bool:
        return accepts_connections(self._port)


class ReplicaSet:
    """Three members on loopback."""

    def __init__(self, members: list[Member]) -> None:
        self.members = members
        hosts = [{"_id": place, "host": member.address} for place, member in enumerate(members)]
        config = {"_id": REPLICA_SET, "members": hosts}
        with MongoClient[dict[str, Any]](f"mongodb://{members[0].address}/?directConnection=true") as client:
            client.admin.command("replSetInitiate", config)

    @property
    def url(self) -> str:
        """For MONGODB_URL."""
        return f"mongodb://{','.join(member.address for member in self.members)}/?replicaSet={REPLICA_SET}"

    def primary(self, other_than: Member | None = None) -> Member:
        """Wait for a primary."""
        with MongoClient[dict[str, Any]](self.url, serverSelectionTimeoutMS=PATIENCE_SECONDS * 1000) as client:
            while True:
                hello = client.admin.command("hello")
                found = [member for member in self.members if member.address == hello["me"]]
                if hello["isWritablePrimary"] and found and found[0] is not other_than:
                    return found[0]
                time.sleep(0.1)


@pytest.fixture
def replica_set(toolchain: Toolchain, tmp_path: Path) -> Iterator[ReplicaSet]:
    with ExitStack() as ends:
        members = []
        for number in range(MEMBERS):
            folder = tmp_path / f"mongodb-{number}"
            folder.mkdir()
            members.append(Member(toolchain, folder, LogFile(folder / "log"), free_port()))
            ends.callback(members[-1].kill)  # without a majority it would wait for one before it stops
            members[-1].start()
        for member in members:
            member.wait_ready()
        yield ReplicaSet(members)


class Writer(threading.Thread):
    """Adds one film after another, each until it is acknowledged."""

    def __init__(self, api: TestClient) -> None:
        super().__init__(daemon=True)
        self._api = api
        self._over = threading.Event()
        self.acknowledged: dict[int, str] = {}
        self.statuses: set[int] = set()

    def run(self) -> None:
        for film in FILMS:
            body = {"user_id": "ann", "movie_id": film.movie_id, "rating": 7}
            while (answer := self._api.post("/movies", json=body)).status_code != 200:
                self.statuses.add(answer.status_code)
                if self._over.is_set():
                    return
            self.acknowledged[answer.json()["sequence"]] = answer.json()["movie_id"]
            if self._over.is_set():
                return

    def __enter__(self) -> Writer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, once what is under way is acknowledged or refused."""
        self._over.set()
        self.join(PATIENCE_SECONDS)

    def await_more(self, changes: int) -> None:
        """Wait until so many more are acknowledged."""
        enough, deadline = len(self.acknowledged) + changes, time.monotonic() + PATIENCE_SECONDS
        while len(self.acknowledged) < enough:
            assert self.statuses <= {503}
            assert time.monotonic() < deadline, (len(self.acknowledged), self.statuses)
            time.sleep(0.05)


def test_another_member_takes_over_and_nothing_acknowledged_is_lost_or_happens_twice(replica_set: ReplicaSet) -> None:
    settings = Settings(mongodb_url=replica_set.url, mongodb_database="failover")
    first = replica_set.primary()
    with connect(settings) as client:
        ensure_schema(client[settings.mongodb_database])
        CatalogWriter(client[settings.mongodb_database]).add_missing(FILMS)
    with TestClient(create_app(settings, [router]), raise_server_exceptions=False) as api, Writer(api) as writer:
        writer.await_more(CHANGES_AFTER)
        first.kill()
        replica_set.primary(other_than=first)
        writer.await_more(CHANGES_AFTER)
    assert writer.statuses <= {503}
    with connect(settings) as client:
        log = Outbox(client[settings.mongodb_database]).events_after("ann", 0)
    assert [event.sequence for event in log] == list(range(1, len(log) + 1))
    films = [event.movie_id for event in log]
    assert len(set(films)) == len(films)
    assert {event.sequence: event.movie_id for event in log if event.sequence in writer.acknowledged} == (
        writer.acknowledged
    )
    assert len(log) - len(writer.acknowledged) <= 1  # the last one may have been refused and have happened
