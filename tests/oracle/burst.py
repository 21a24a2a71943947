"""`python -m tests.oracle.burst SECONDS FACTOR`: far more changes than the views can follow, for a while.

1. The capacity: how many events a second reach every view when enough of them wait.
2. The burst: FACTOR times as many as the views can take in SECONDS. They are written while the relay does nothing and
   come all at once then, for the machine that must do all of this does not write them FACTOR times as fast as it reads
   them.
3. What must hold from then on: POSTs go on, as quick as promised or as the machine lets a bare transaction with the
   same writes be, memory stays bounded, and every view arrives at the end, the speed view and the lake among them.

The stack is as people start it: nothing stands between layers and servers, and who is not waited for steps back.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Event
from pathlib import Path
from statistics import quantiles
from typing import Final

import httpx
from pymongo.errors import PyMongoError

from benchmarks.embedded_stack import mebibytes
from benchmarks.measures.backlog import halted
from benchmarks.measures.posts import bare_transactions
from cinematch.errors import StoreUnavailable
from cinematch.local_stack.data_folder import DataFolder
from cinematch.local_stack.stack_status import current_status
from cinematch.settings import Settings
from tests.end_to_end.running_stack import RunningStack
from tests.oracle import results

WARM_EVENTS: Final = 2_000
MOST_DRAIN_SECONDS: Final = 7_200.0
POST_SECONDS: Final = 0.2
BOUND_MIB: Final = 5_120.0
"""Of all processes together, each at its own worst moment (PSS: what several share counts once in all): the heaps of
Spark and Kafka, mongod's cache, what Redis may take, and what a dozen processes take at rest."""
POST_PROMISE_MS: Final = 50.0
"""Of 99 % of the POSTs."""
BARE_TIMES: Final = 2.0
"""So many times as long as a bare transaction in the same seconds a POST may take where the promise is not kept: a
machine that is as slow with nothing around the transaction says nothing of the API."""
WARM_POSTS: Final = 5
"""So many open connections, and count for nothing."""
REST_SECONDS: Final = 20.0
SPAWN: Final = multiprocessing.get_context("spawn")
KEPT: Final = httpx.Limits(keepalive_expiry=2.0)
"""Connections are kept, as whoever posts often does, and given up before the server does."""


@dataclass(frozen=True, slots=True)
class Posted:
    """Milliseconds of POSTs, and of bare transactions in turns with them; and the POSTs that were refused."""

    milliseconds: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)


class Poster:
    """One client that changes a list five times a second, in a process of its own."""

    def __init__(self, url: str, settings: Settings) -> None:
        self._stop, self._told = SPAWN.Event(), SPAWN.SimpleQueue()
        self._process = SPAWN.Process(target=_post_all, args=(url, settings, self._stop, self._told), daemon=True)
        self._process.start()

    def end(self) -> Posted:
        """Stop it; give what came of it."""
        self._stop.set()
        told: Posted | Exception = self._told.get()
        self._process.join()
        if isinstance(told, Exception):
            raise told
        return told


def _post_all(url: str, settings: Settings, stop: Event, told: SimpleQueue[Posted | Exception]) -> None:
    try:
        told.put(asyncio.run(_posted(url, settings, stop)))
    except Exception as error:  # noqa: BLE001 - raised where it is waited for
        told.put(error)


async def _posted(url: str, settings: Settings, stop: Event) -> Posted:
    posted, turn = Posted(), 0
    async with httpx.AsyncClient(base_url=url, timeout=30, limits=KEPT) as client, bare_transactions(settings) as write:
        while not stop.is_set():
            turn += 1
            body = {"user_id": "patient", "movie_id": f"f{turn % 36}", "rating": 0.5 + turn % 19 / 2}
            began = time.monotonic()
            try:
                status = (await client.post("/movies", json=body)).status_code
            except httpx.TransportError:
                status = 0
            answered = time.monotonic()
            with suppress(StoreUnavailable, PyMongoError):  # it took its time all the same
                await write()
            if status != 200:
                posted.refused.append(status)
            if turn > WARM_POSTS:
                posted.milliseconds.append((answered - began) * 1000)
                posted.bare.append((time.monotonic() - answered) * 1000)
            await asyncio.sleep(POST_SECONDS)
    return posted


def burst(seconds: float, factor: float) -> results.Results:
    """Run a stack of its own; give capacity, burst, latencies and the most memory of each process."""
    with (
        tempfile.TemporaryDirectory() as folder,
        RunningStack.started(Path(folder), to_be_hurt=False) as stack,
    ):
        url, settings = stack.status()["api"], stack.settings()
        stack.import_catalog()
        _seed(stack, WARM_EVENTS, seed=1)  # what is done once: films, compiled code
        _write_unseen(stack, WARM_EVENTS, seed=2)
        capacity = WARM_EVENTS / _drain_seconds(stack)
        before, watch, poster = _memory(stack.data_dir), _MostMemory(stack.data_dir), Poster(url, settings)
        time.sleep(REST_SECONDS)
        rested = poster.end()
        events = round(capacity * factor * seconds)
        _write_unseen(stack, events, seed=3)
        poster = Poster(url, settings)
        drained = _drain_seconds(stack)
        posted = poster.end()
        most = watch.end()
    post_ms = _latencies(posted.milliseconds)
    return {
        "capacity_events_a_second": round(capacity),
        "burst": {"events": events, "seconds": seconds, "times_capacity": factor},
        "lag_zero_after_seconds": round(drained, 1),
        "post_ms": post_ms,
        "post_ms_at_rest": _latencies(rested.milliseconds),
        "bare_ms": _latencies(posted.bare),
        "bare_ms_at_rest": _latencies(rested.bare),
        "post_promise_kept": post_ms["p99"] <= POST_PROMISE_MS,
        "posts": len(posted.milliseconds),
        "posts_refused": len(posted.refused),
        "memory_mib": {name: [before[name], most.get(name, 0.0)] for name in sorted(before)},
    }


def broken(found: results.Results) -> list[str]:
    """Give what did not hold."""
    most = sum(most for _, most in found["memory_mib"].values())
    refused, took, bare = found["posts_refused"], found["post_ms"]["p99"], found["bare_ms"]["p99"]
    is_slow = took > max(POST_PROMISE_MS, BARE_TIMES * bare)
    slow = f"99 % of the POSTs took up to {took:g} ms, bare transactions {bare:g} ms; promised are {POST_PROMISE_MS:g}"
    return [
        *([f"{refused} POSTs were refused"] if refused else []),
        *([f"the stack took {most:,.0f} MiB, more than {BOUND_MIB:,.0f}"] if most > BOUND_MIB else []),
        *([slow] if is_slow else []),
    ]


def _latencies(milliseconds: list[float]) -> dict[str, float]:
    cuts = quantiles(milliseconds, n=100, method="inclusive")
    return {"p50": round(cuts[49], 1), "p99": round(cuts[98], 1), "most": round(max(milliseconds), 1)}


def _write_unseen(stack: RunningStack, events: int, seed: int) -> None:
    """Write so many events, which leave the outbox all at once after that."""
    with halted([stack.status()["layers"]["relay"]["pid"]]):
        _seed(stack, events, seed)


def _drain_seconds(stack: RunningStack) -> float:
    """Give the seconds until every view has all that has been written."""
    began = time.monotonic()
    stack.wait_until_everywhere(MOST_DRAIN_SECONDS)
    return time.monotonic() - began


def _seed(stack: RunningStack, events: int, seed: int) -> None:
    process = stack.begun("seed", "--events", str(events), "--users", "1000", "--seed", str(seed))
    output, errors = process.communicate()
    assert process.returncode == 0, output + errors


def _memory(data_dir: Path) -> dict[str, float]:
    """Give the MiB of each server and layer, its children's included (PSS)."""
    services = current_status(DataFolder(data_dir)).services()
    return {name: round(mebibytes(it.pid), 1) for name, it in services.items() if it.pid is not None}


class _MostMemory:
    """Looks once a second, in a thread of its own."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._most: dict[str, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def end(self) -> dict[str, float]:
        """Give the highest of each figure."""
        self._stop.set()
        self._thread.join()
        return self._most

    def _look(self) -> None:
        while not self._stop.wait(1):
            for name, value in _memory(self._data_dir).items():
                self._most[name] = max(value, self._most.get(name, 0.0))


if __name__ == "__main__":
    outcome = burst(float(sys.argv[1]), float(sys.argv[2]))
    sys.stdout.write(f"{results.write('burst', outcome)}\n")
    sys.exit("\n".join(broken(outcome)) or 0)
