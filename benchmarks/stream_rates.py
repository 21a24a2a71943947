"""How many events a second each stream of the micro-batch design gets through."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from benchmarks.embedded_stack import EmbeddedStack
from cinematch.adapters.mongodb_client import SyncDatabase
from cinematch.contracts.collections import GLOBAL_PROGRESS, OUTBOX, USER_SEQUENCES, USER_STATS

EVENTS: Final = 20_000
USERS: Final = 1_000
SEED: Final = 77
STACK_SETTINGS: Final = {"MAX_EVENTS_PER_TRIGGER": "2000", "GLOBAL_TRENDS_TRIGGER_SECONDS": "1"}
"""Ten triggers or so instead of one large one, and stream 2 does not sleep between its own."""
POLL_SECONDS: Final = 0.05
GIVE_UP_SECONDS: Final = 110.0


def stream_rates(stack: EmbeddedStack) -> dict[str, Any]:
    """Halt the layer, let a backlog of interleaved events grow in Kafka, let it go on, and time each stream.

    Stream 1's cost is one recomputation for each user and trigger; the result says how many users there were.
    """
    processes = stack.processes_of("micro_batch")
    with stack.database() as database:
        for process in processes:
            process.suspend()
        try:
            stack.command("seed", f"--users={USERS}", f"--events={EVENTS}", f"--seed={SEED}", "--rate=100000")
            _until(lambda: database[OUTBOX].count_documents({"published_at": None}, limit=1) == 0)
            issued = _sequences(database, USER_SEQUENCES)
        finally:
            for process in processes:
                process.resume()
        seconds = _seconds_until_caught_up(database, issued)
    return {
        "events": EVENTS,
        "users": USERS,
        "events_per_trigger": int(STACK_SETTINGS["MAX_EVENTS_PER_TRIGGER"]),
        **{f"{stream}_events_per_second": round(EVENTS / taken) for stream, taken in seconds.items()},
    }


def _seconds_until_caught_up(database: SyncDatabase, issued: dict[str, int]) -> dict[str, float]:
    """Time both streams from now; they run side by side, as they always do."""
    began = time.perf_counter()
    views = {"user_stats": USER_STATS, "global_trends": GLOBAL_PROGRESS}
    seconds: dict[str, float] = {}

    def look() -> bool:
        for stream, view in views.items():
            if stream not in seconds and _sequences(database, view).items() >= issued.items():
                seconds[stream] = time.perf_counter() - began
        return len(seconds) == len(views)

    _until(look)
    return seconds


def _sequences(database: SyncDatabase, collection: str) -> dict[str, int]:
    ours = {"_id": {"$regex": f"^s{SEED}-"}}
    return {document["_id"]: document["sequence"] for document in database[collection].find(ours, {"sequence": 1})}


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the stream did not catch up in time")
        time.sleep(POLL_SECONDS)
