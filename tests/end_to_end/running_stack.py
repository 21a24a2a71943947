"""A stack under test: how to talk to it, hurt it, and know when everything acknowledged has reached every view."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
from pymongo import MongoClient

from cinematch.client.exchange import Patience
from cinematch.client.http_client import Client, connect
from cinematch.contracts import collections
from cinematch.contracts.log_record import LogPartition
from cinematch.contracts.times import as_utc
from cinematch.domain.events import to_tenths
from cinematch.domain.statistics import Statistics, statistics_of
from cinematch.domain.watchlist import Film, ListEntry, Watchlist
from cinematch.errors import StoreUnavailable
from cinematch.local_stack import control
from cinematch.local_stack.control import running_environment
from cinematch.local_stack.data_folder import SUPERVISOR, DataFolder
from cinematch.local_stack.orphans import STACK_VARIABLE
from cinematch.local_stack.ports import LOOPBACK, free_port
from cinematch.settings import Settings, read_environment
from tests.oracle.arrivals import Arrivals
from tests.oracle.disks import Disks
from tests.oracle.proxied_stack import PORTS_VARIABLE, SERVERS
from tests.oracle.proxy import Proxies

Document = dict[str, Any]

FAST = {
    "BATCH_GRACE_SECONDS": "5",
    "BATCH_LEASE_SECONDS": "10",
    "GLOBAL_TRENDS_TRIGGER_SECONDS": "2",
    "LAKE_COMPACTION_GRACE_SECONDS": "60",
    "LAKE_FLUSH_SECONDS": "2",
    "STATS_MODE": "lambda",
}
"""Settings that only shorten the waiting; the mode is the one that needs every layer."""
AT_WORK = "another batch run is at work"
"""So says a command until the lease of a run that was killed is over, or while the scheduler's own is under way."""
COMPACTING = "another compaction "
"""The same of the lake."""
ONE_REQUEST_EACH = httpx.Limits(max_keepalive_connections=0)
"""A connection that is kept may be closed by the server just when it is asked again, which says nothing of the API."""
DISKS = ("redis", "mongodb", "kafka")
"""Servers that have a disk of their own; the object store's is not always one that takes unbuffered writes."""
CATALOG = [
    {
        "movie_id": f"f{number}",
        "title": title,
        "year": 1990 + number,
        "genres": ["Drama", "Action"][: number % 3],
        "directors": [f"Director {number % 4}"],
        "actors": [f"Actor {number % 5}", f"Actor {number % 7}"],
        "runtime_minutes": 80 + number,
    }
    for number, title in enumerate(
        ["Città d'Ombra", "S.W.A.T. $9", "Twice", "Twice", *map("Film {}".format, range(36))]
    )
]


@dataclass
class RunningStack:
    """The stack in `data_dir`, and clients of it that outlive a killed server.

    Whoever calls its servers comes through `proxies`, whose lines a test may let misbehave; those that keep data in a
    folder of their own may find their disk full.
    """

    data_dir: Path
    ports: dict[str, tuple[int, int]]
    """Server -> where its proxy listens, and it itself."""
    proxies: Proxies
    disks: Disks

    @classmethod
    @contextmanager
    def started(cls, data_dir: Path, *, to_be_hurt: bool = True) -> Iterator[RunningStack]:
        """Start a stack and take it down at the end; one that is not `to_be_hurt` is as people start it.

        That one has neither proxies nor disks that fill, and its layers step back behind the API.
        """
        folder = DataFolder(data_dir)
        ports = {server: (free_port(), free_port()) for server in SERVERS if to_be_hurt}
        with (
            closing(Disks(folder.service(server) for server in DISKS if to_be_hurt)) as disks,
            closing(Proxies(ports)) as proxies,
        ):
            stack = cls(data_dir, ports, proxies, disks)
            with stack._supervised(folder):
                control.await_ready(folder, lambda _: None)
                yield stack

    @contextmanager
    def _supervised(self, folder: DataFolder) -> Iterator[None]:
        """Run what `up --detach` runs, behind the proxies if there are any."""
        program = "tests.oracle.proxied_stack" if self.ports else "cinematch"
        command = [sys.executable, "-m", program, "supervise", "--data-dir", str(folder.path)]
        own = {STACK_VARIABLE: str(folder.path), PORTS_VARIABLE: json.dumps(self.ports)}
        with folder.log(SUPERVISOR).open() as log:
            supervisor = subprocess.Popen(
                command, env={**os.environ, **FAST, **own}, stdout=log, stderr=log, start_new_session=True
            )
        eventually(lambda: folder.is_held or supervisor.poll() is not None, "the supervisor runs", 60)
        try:
            yield
        finally:
            self.cinematch("down")
            supervisor.wait(120)

    @property
    def own_mongodb(self) -> str:
        """The address of mongod itself."""
        return f"mongodb://{LOOPBACK}:{self.ports['mongodb'][1]}/?directConnection=true"

    def cinematch(self, *arguments: str, check: bool = True, **settings: str) -> str:
        """Run one command of the CLI on this stack; its output. Fails with what the command said."""
        process = self.begun(*arguments, **settings)
        try:
            output, errors = process.communicate(timeout=400)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        if check and process.returncode != 0:
            raise AssertionError(f"cinematch {' '.join(arguments)}: {output}\n{errors}")
        return output

    def begun(self, *arguments: str, **settings: str) -> subprocess.Popen[str]:
        """Begin one command of the CLI on this stack, in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "cinematch", *arguments],
            env={**os.environ, **FAST, "CINEMATCH_DATA_DIR": str(self.data_dir), **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run_alone(self, *arguments: str) -> None:
        """Run a command now, or when the scheduler has ended its own: it runs batches and compactions at night."""

        def ran() -> bool:
            try:
                self.cinematch(*arguments)
            except AssertionError as error:
                if not any(reason in str(error) for reason in (AT_WORK, COMPACTING)):
                    raise
                return False
            return True

        eventually(ran, f"nobody else does what `{' '.join(arguments)}` does", 400)

    def import_catalog(self) -> None:
        """Load the tests' films."""
        file = self.data_dir / "catalog.jsonl"
        file.write_text("\n".join(map(json.dumps, CATALOG)))
        self.cinematch("import", "catalog", str(file))

    def status(self) -> Document:
        """What `status --json` says now."""
        status: Document = json.loads(self.cinematch("status", "--json", check=False))
        return status

    def kill(self, name: str) -> int:
        """Kill a server or layer with -9; the pid it had."""
        status = self.status()
        pid: int = {**status["servers"], **status["layers"]}[name]["pid"]
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_until_healthy(self, seconds: float = 600) -> None:
        """Wait until every server and layer runs."""

        def healthy() -> bool:
            status = self.status()
            parts = [*status["servers"].values(), *status["layers"].values()]
            return all(part["state"] == "running" for part in parts)

        eventually(healthy, "every server and layer runs", seconds)

    @contextmanager
    def client(self, patience: Patience) -> Iterator[Client]:
        """Give our own client of the API."""
        with connect(self.status()["api"], patience, token="") as client:
            yield client

    def api(self, limits: httpx.Limits = ONE_REQUEST_EACH) -> httpx.Client:
        """Give a client of the API that shows each answer as it is."""
        return httpx.Client(base_url=self.status()["api"], timeout=30, limits=limits)

    def post_until_acknowledged(self, client: httpx.Client, body: Document, seconds: float = 120) -> Document:
        """POST a film, again and again while a server is away; the answer of the 200."""
        answers: list[Document] = []

        def acknowledged() -> bool:
            try:
                answer = client.post("/movies", json=body)
            except httpx.HTTPError:
                return False
            assert answer.status_code in (200, 503), answer.text
            answers.append(answer.json())
            return answer.status_code == 200

        eventually(acknowledged, f"POST {body} is acknowledged", seconds)
        return answers[-1]

    @contextmanager
    def database(self) -> Iterator[Any]:
        """The stack's database."""
        with MongoClient[Document](self.status()["mongodb"], tz_aware=True) as client:
            yield client["cinematch"]

    def settings(self) -> Settings:
        """The settings that lead to its servers, as its layers have them."""
        with patch.dict(os.environ, FAST | running_environment(DataFolder(self.data_dir))):
            return read_environment(Settings)

    def arrivals(self, database: Any) -> closing[Arrivals]:
        """Look into its stores, inside a block."""
        return closing(Arrivals(self.settings(), database))

    def wait_until_everywhere(self, seconds: float) -> None:
        """Wait until all that has been issued by now is in `user_stats`, the trends, the speed view and the lake.

        Each may take so long. The lake is compared with the end of the log that the trends have reached.
        """
        with self.database() as database, self.arrivals(database) as arrivals:
            issued = issued_sequences(database)
            self.wait_until_drained(seconds)
            eventually(lambda: arrivals.speed_view_has(issued), "the speed view has every event", seconds)
            ends: dict[LogPartition, int] = {}

            def ends_are_told() -> bool:
                ends.update(arrivals.log_ends())
                return True

            eventually(ends_are_told, "Kafka tells the end of the log", seconds)
            eventually(lambda: arrivals.lake_reaches(ends), "the lake has every event", seconds)

    def wait_until_drained(self, seconds: float = 150) -> None:
        """Wait until every sequence that has been issued by now is in `user_stats` and counted in the trends.

        Nothing is said of the speed view and the lake: see `wait_until_everywhere`.
        """
        with self.database() as database:
            issued = issued_sequences(database)

            def drained() -> bool:
                views = [_sequences(database[view]) for view in (collections.USER_STATS, collections.GLOBAL_PROGRESS)]
                return all(view.get(user, 0) >= last for view in views for user, last in issued.items())

            eventually(drained, "every view has every event", seconds)


def eventually(is_true: Callable[[], bool], what: str, seconds: float) -> None:
    """Wait until something is true; where a store does not answer, it is not so yet. Fails, saying what was awaited."""

    def is_true_now() -> bool:
        try:
            return is_true()
        except StoreUnavailable:
            return False

    deadline = time.monotonic() + seconds
    while not is_true_now():
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds:g} s it is still not so that {what}")
        time.sleep(0.25)


def recomputed_stats(database: Any, user_id: str) -> Statistics:
    """The user's statistics, recomputed from `movies` and `catalog` alone."""
    entries = {document["movie_id"]: _entry(document) for document in database.movies.find({"user_id": user_id})}
    films = {film["_id"]: _film(film) for film in database.catalog.find({"_id": {"$in": list(entries)}})}
    return statistics_of(Watchlist(entries), films)


def recounted_movies(database: Any) -> dict[str, int]:
    """How many lists hold each film, counted from `movies` alone (everything in the tests is newer than 30 days)."""
    groups = database.movies.aggregate([{"$group": {"_id": "$movie_id", "count": {"$sum": 1}}}])
    return {group["_id"]: group["count"] for group in groups}


def recounted_genres(database: Any) -> dict[str, int]:
    """How many films of each genre the lists hold, counted from `movies` alone."""
    stages = [{"$unwind": "$genres"}, {"$group": {"_id": "$genres", "count": {"$sum": 1}}}]
    return {group["_id"]: group["count"] for group in database.movies.aggregate(stages)}


def stats_equal_a_recomputation(database: Any) -> bool:
    """Say whether every document of `user_stats` is what a recomputation gives."""
    stored = {user["_id"]: user["stats"] for user in database.user_stats.find()}
    return all(stats == recomputed_stats(database, user_id) for user_id, stats in stored.items())


def trends_equal_a_recount(database: Any) -> bool:
    """Say whether the trends count every film, and every genre, as often as lists hold it."""
    document = database.global_stats.find_one({"type": "global_trends"})
    counts = {name: count for name, count in document["genre_counts"].items() if count}
    return bool(document["movie_counts"] == recounted_movies(database) and counts == recounted_genres(database))


def issued_sequences(database: Any) -> dict[str, int]:
    """The last sequence issued to each user."""
    return _sequences(database[collections.USER_SEQUENCES])


def _sequences(collection: Any) -> dict[str, int]:
    return {document["_id"]: document["sequence"] for document in collection.find({}, {"sequence": 1})}


def _entry(document: Document) -> ListEntry:
    return ListEntry(
        movie_id=document["movie_id"],
        title=document["title"],
        genres=tuple(document["genres"]),
        rating_tenths=to_tenths(document["rating"]),
        watched_at=as_utc(document["watched_at"]),
        added_at=as_utc(document["added_at"]),
    )


def catalog_films(database: Any) -> dict[str, Film]:
    """The films of the catalog."""
    return {film["_id"]: _film(film) for film in database.catalog.find()}


def _film(document: Document) -> Film:
    return Film(
        movie_id=document["_id"],
        title=document["title"],
        directors=tuple(document["directors"]),
        actors=tuple(document["actors"]),
        runtime_minutes=document["runtime_minutes"],
        poster_path=document["poster_path"],
    )
