"""MongoDB, Redis and MinIO, and a lake of events in objects of 50,000 (and of one event of every user where those are
more) as the sink writes them. Our side is one batch
run in a process of its own (`local[2]`): read the lake, replay every list, describe every user with the catalog, write
documents and whole lists to MongoDB, the state to the lake, publish; the start of Spark is timed apart and left out.
Beside it, right after, DuckDB with two threads computes the same statistics from a local copy of the same Parquet to
another Parquet file (`benchmarks/duckdb_statistics.py` says what it leaves out). *Incremental*: a tenth of the users
then get as many new events as they had, so a tenth of the events is new, and the next night folds them in; were they
spread over all users, it would describe everybody. The `--full` run beside it is the one before, without these events,
which is in its favour. Meanwhile a reader asks for users of the
first generation without pause: *missing* is the time from a look-up that found nothing to one that did. *Growth* is the
exponent between two sizes with the same number of events a user.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from benchmarks.child_commands import module
from benchmarks.embedded_stack import mebibytes
from benchmarks.invented_lake import InventedLake, write_catalog
from benchmarks.population import user_name
from benchmarks.rows import Bound, Findings, Goal, Row, alone, compared
from benchmarks.servers import Servers, servers
from cinematch.adapters import mongodb_client
from cinematch.contracts.collections import USER_STATS_BATCH

TITLE: Final = "Nightly batch"
LIMIT: Final = (
    "Two thirds are describing: each list becomes Python objects, is summarised by the functions that all layers "
    "share, and its documents are stored in MongoDB: that is what keeps the four modes equal, and what DuckDB, which "
    "writes one file, does not do. With a million events the first ten seconds, in which the JVM warms up, weigh as "
    "much as the rest. An incremental run copies the documents of everybody else within MongoDB: with short lists "
    "that costs as much as describing them anew."
)
TRIED: Final = (
    "Until November 30 10,000,000 events of 100,000 users took 438 s, 13.3 times as long as DuckDB, and with a tenth "
    "of it new 210 s. By the processors' time of 2,000,000 events of 20,000 users (86 s of two cores): Python's "
    "workers 76 s, the JVM 63, mongod 13. Folding in columns in place of event by event took Python's 40 s of the "
    "fold to 5. Documents written where they are made, in place of a way through the JVM to other workers, and the "
    "catalog sent once a worker, in place of each film once for every 500 users, took 12 s off the JVM's and 4 off "
    "Python's. The rankings packed (zlib, quickest level) took a document from 39 KB to 12, mongod's 11 s to 5, and "
    "the copying of documents in the incremental run from 7 s to 3; without compression, as JSON, mongod took 8 s, "
    "and the whole was no quicker. Of the window two columns are read first, and whole only objects with news. "
    "Together 47 s in place of 86. A parallel collector (47 s beside 50) and a JVM that compiles less (49 s) were not "
    "worth an option. The incremental run shares the cores with the reader that looks for missing documents, some 400 "
    "times a second, and begins with a cold JVM: without the one and the other it took 70 s of 10,000,000 events "
    "(100,000 users), 7 s of it looking at the window, 17 folding and writing the whole state anew, 20 copying "
    "documents, 20 describing a tenth of the users, whose lists are twice as long by then. So even a state of "
    "differences, and documents that generations share, together would leave some 35 s: not a fifth of the 158 s that "
    "a full run took there."
)
SECONDS: Final = (None, 5_400.0)
DRIVER_MEMORY: Final = "2g"


@dataclass(frozen=True, slots=True)
class _Lake:
    users: int
    events_each: int

    @property
    def events(self) -> int:
        return self.users * self.events_each

    def __str__(self) -> str:
        return f"nightly batch, {self.events:,} events of {self.users:,} users"


QUICK: Final = (_Lake(500, 100), _Lake(5_000, 100))
FULL: Final = (_Lake(10_000, 100), _Lake(100_000, 100), _Lake(10_000, 1_000), _Lake(1_000_000, 10))
"""The first two differ in the number of users alone: growth is measured between them."""


def measure(quick: bool) -> Findings:
    """Measure size by size, each on servers of its own."""
    return measured(QUICK if quick else FULL)


def measured(sizes: tuple[_Lake, ...]) -> Findings:
    """Measure these sizes; the second one, and those after it, with an incremental run."""
    findings = Findings()
    seconds: list[float] = []
    for place, size in enumerate(sizes):
        with findings.part(str(size)), servers("mongodb", "redis", "minio") as running:
            running.load_catalog()
            lake = InventedLake(running.settings, running.folder / "events")
            lake.append(size.users, 1, size.events_each)
            seconds.append(_beside_duckdb(running, size, findings))
            if place == 1:
                findings.rows.append(_growth(sizes[0].events, size.events, seconds))
            if place:
                _incremental(running, lake, size, seconds[-1], findings)
    return findings


def _growth(fewer: int, more: int, seconds: Sequence[float]) -> Row:
    exponent = math.log(seconds[1] / seconds[0]) / math.log(more / fewer)
    name = f"nightly batch, growth from {fewer:,} to {more:,} events"
    return alone(name, "exponent", [exponent], Goal(Bound.AT_MOST, 1.05, of_ratio=False))


def _beside_duckdb(running: Servers, size: _Lake, findings: Findings) -> float:
    told = nightly_run(running, "full")
    catalog, target = running.folder / "catalog.parquet", running.folder / "statistics.parquet"
    write_catalog(catalog)
    arguments = (str(running.folder / "events"), str(catalog), str(target))
    taken, users, most = module({}, "benchmarks.duckdb_statistics", *arguments).split()
    if not int(users) == told["users"] == size.users:
        raise ValueError(f"{users} users of DuckDB, {told['users']} of ours, {size.users} of the lake")
    goal = Goal(Bound.AT_MOST, 8.0) if size.events >= 10_000_000 else None
    findings.rows += [
        compared(f"{size}, beside DuckDB", "s", [told["seconds"]], [float(taken)], goal),
        compared(f"{size}, memory at its most, beside DuckDB", "MiB", [told["mebibytes"]], [float(most)]),
        alone(f"{size}, start of Spark", "s", [told["session_seconds"]]),
    ]
    return float(told["seconds"])


def _incremental(running: Servers, lake: InventedLake, size: _Lake, full_seconds: float, findings: Findings) -> None:
    lake.append(size.users // 10, size.events_each + 1, size.events_each)
    with _Reader(running, size.users) as reader:
        told = nightly_run(running, "incremental")
    if told["events"] != size.events // 10:
        raise ValueError(f"{told['events']} new events were folded in")
    name, none = f"{size}, a tenth of it new", Goal(Bound.AT_MOST, 0.0, of_ratio=False)
    five_times = Goal(Bound.AT_LEAST, 5.0)
    findings.rows += [
        compared(f"{name}, --full beside an incremental run", "s", [full_seconds], [told["seconds"]], five_times),
        alone(f"{name}, a document missing at most", "ms", [reader.missing_ms], none),
    ]
    findings.remarks.append(f"{reader.reads:,} look-ups during the incremental run of {size.events:,} events.")


def nightly_run(running: Servers, kind: str) -> dict[str, Any]:
    """Run the batch; give what it told, and the most memory that its processes had together (PSS)."""
    command = [sys.executable, "-m", "benchmarks.nightly_run", kind]
    environment = os.environ | running.environment | {"SPARK_DRIVER_MEMORY": DRIVER_MEMORY}
    log = running.folder / "nightly.log"
    with (
        log.open("w") as errors,
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=errors, cwd=running.folder) as child,
    ):
        try:
            most = 0.0
            while child.poll() is None:
                most = max(most, mebibytes(child.pid))
                time.sleep(0.5)
        finally:
            child.terminate()
        output = child.stdout.read() if child.stdout else b""
    if child.returncode:
        raise RuntimeError(f"the batch run ended with {child.returncode}: {log.read_text()[-2000:]}")
    told: dict[str, Any] = orjson.loads(output)
    return told | {"mebibytes": most}


class _Reader(threading.Thread):
    """Looks documents up through the published view until the end of the block."""

    def __init__(self, running: Servers, users: int) -> None:
        super().__init__(daemon=True)
        self._settings = running.settings
        self._users = users
        self._over = threading.Event()
        self._error: Exception | None = None
        self.reads = 0
        self.missing_ms = 0.0

    def __enter__(self) -> _Reader:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()
        if self._error is not None or not self.reads:
            raise RuntimeError("nobody has looked whether a document is missing") from self._error

    def run(self) -> None:
        try:
            self._read()
        except Exception as error:  # noqa: BLE001 - raised where the thread is joined
            self._error = error

    def _read(self) -> None:
        with mongodb_client.connect(self._settings) as client:
            view = client[self._settings.mongodb_database][USER_STATS_BATCH]
            missing_since: float | None = None
            while not self._over.wait(0.001):
                found = view.find_one({"_id": user_name(self.reads % self._users)}, {"as_of_sequence": 1})
                now = time.perf_counter()
                self.reads += 1
                if found is None or missing_since is not None:
                    missing_since = missing_since or now
                    self.missing_ms = max(self.missing_ms, (now - missing_since) * 1000)
                if found is not None:
                    missing_since = None
