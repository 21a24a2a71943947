"""`python -m tests.oracle.burst SECONDS FACTOR`: far more changes than the views can follow, for a while.

1. The capacity: how many events a second reach every view when enough of them wait.
2. The burst: FACTOR times as many as the views can take in SECONDS. They are written while Kafka is away and come all
   at once then, for the machine that must do all of this does not write them FACTOR times as fast as it reads them.
3. What must hold: POSTs go on, hardly slower than at rest, memory stays bounded, and every view arrives at the end, the
   speed view and the lake among them.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import quantiles
from typing import Final

import httpx

from tests.end_to_end.running_stack import RunningStack
from tests.oracle import results
from tests.oracle.processes import Sample, usage
from tests.oracle.proxy import Conduct

WARM_EVENTS: Final = 2_000
MOST_DRAIN_SECONDS: Final = 7_200.0
POST_SECONDS: Final = 0.2
BOUND_MIB: Final = 5_120.0
"""Of all processes together, each at its own worst moment, and what several share counted for each: the heaps of Spark
and Kafka, mongod's cache, what Redis may take, and what a dozen processes take at rest."""
POST_PROMISE_MS: Final = 50.0
"""Of 99 % of the POSTs."""
POST_TIMES: Final = 3.0
"""So many times as long as at rest a POST may take in the burst where the promise is not kept: on a machine that breaks
it at rest, or is shared with others, the promise alone says nothing of the burst."""
REST_SECONDS: Final = 20.0
KEPT: Final = httpx.Limits(keepalive_expiry=2.0)
"""Connections are kept, as whoever posts often does, and given up before the server does."""


class Poster:
    """One client that changes a list five times a second, and how long each answer took."""

    def __init__(self, client: httpx.Client) -> None:
        self.milliseconds: list[float] = []
        self.refused = 0
        self._client = client
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._post_all, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop it."""
        self._stop.set()
        self._thread.join()

    def _post_all(self) -> None:
        turn = 0
        while not self._stop.wait(POST_SECONDS):
            turn += 1
            began = time.monotonic()
            body = {"user_id": "patient", "movie_id": f"f{turn % 36}", "rating": 0.5 + turn % 19 / 2}
            try:
                status = self._client.post("/movies", json=body).status_code
            except httpx.TransportError:
                status = 0
            self.refused += status != 200
            self.milliseconds.append((time.monotonic() - began) * 1000)


def burst(seconds: float, factor: float) -> results.Results:
    """Run a stack of its own; give capacity, burst, latencies and the most memory of each process."""
    with (
        tempfile.TemporaryDirectory() as folder,
        RunningStack.started(Path(folder)) as stack,
        stack.api(KEPT) as client,
    ):
        stack.import_catalog()
        _seed(stack, WARM_EVENTS, seed=1)  # what is done once: films, compiled code
        capacity = WARM_EVENTS / _flood(stack, WARM_EVENTS, seed=2)
        before, rested, poster = usage(stack.data_dir), _at_rest(client), Poster(client)
        watch = _MostMemory(stack.data_dir)
        events = round(capacity * factor * seconds)
        drained = _flood(stack, events, seed=3)
        poster.end()
        most = watch.end()
    post_ms = _latencies(poster.milliseconds)
    return {
        "capacity_events_a_second": round(capacity),
        "burst": {"events": events, "seconds": seconds, "times_capacity": factor},
        "lag_zero_after_seconds": round(drained, 1),
        "post_ms": post_ms,
        "post_ms_at_rest": _latencies(rested),
        "post_promise_kept": post_ms["p99"] <= POST_PROMISE_MS,
        "posts": len(poster.milliseconds),
        "posts_refused": poster.refused,
        "memory_mib": {
            name.removesuffix(" memory MiB"): [before[name], most.get(name, 0.0)]
            for name in sorted(before)
            if name.endswith(" memory MiB")
        },
    }


def broken(found: results.Results) -> list[str]:
    """Give what did not hold."""
    most = sum(most for _, most in found["memory_mib"].values())
    refused, took, at_rest = found["posts_refused"], found["post_ms"]["p99"], found["post_ms_at_rest"]["p99"]
    is_slow = took > max(POST_PROMISE_MS, POST_TIMES * at_rest)
    slow = f"99 % of the POSTs took up to {took:g} ms, at rest {at_rest:g} ms; promised are {POST_PROMISE_MS:g} ms"
    return [
        *([f"{refused} POSTs were refused"] if refused else []),
        *([f"the stack took {most:,.0f} MiB, more than {BOUND_MIB:,.0f}"] if most > BOUND_MIB else []),
        *([slow] if is_slow else []),
    ]


def _at_rest(client: httpx.Client) -> list[float]:
    """Give how long the answers took that the same client got before the burst."""
    poster = Poster(client)
    time.sleep(REST_SECONDS)
    poster.end()
    return poster.milliseconds


def _latencies(milliseconds: list[float]) -> dict[str, float]:
    cuts = quantiles(milliseconds, n=100, method="inclusive")
    return {"p50": round(cuts[49], 1), "p99": round(cuts[98], 1), "most": round(max(milliseconds), 1)}


def _flood(stack: RunningStack, events: int, seed: int) -> float:
    """Let so many events come at once; give the seconds until every view had them."""
    stack.proxies.behave("kafka", Conduct.CUT)
    _seed(stack, events, seed)
    stack.proxies.behave("kafka", Conduct.GOOD)
    released = time.monotonic()
    stack.wait_until_everywhere(MOST_DRAIN_SECONDS)
    return time.monotonic() - released


def _seed(stack: RunningStack, events: int, seed: int) -> None:
    process = stack.begun("seed", "--events", str(events), "--users", "1000", "--seed", str(seed))
    output, errors = process.communicate()
    assert process.returncode == 0, output + errors


class _MostMemory:
    """Looks once a second, in a thread of its own."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._most: Sample = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def end(self) -> Sample:
        """Give the highest of each figure."""
        self._stop.set()
        self._thread.join()
        return self._most

    def _look(self) -> None:
        while not self._stop.wait(1):
            for name, value in usage(self._data_dir).items():
                self._most[name] = max(value, self._most.get(name, 0.0))


if __name__ == "__main__":
    outcome = burst(float(sys.argv[1]), float(sys.argv[2]))
    sys.stdout.write(f"{results.write('burst', outcome)}\n")
    sys.exit("\n".join(broken(outcome)) or 0)
