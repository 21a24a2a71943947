"""How long it takes from the POST of a film until the user's statistics contain it."""

from __future__ import annotations

import threading
import time
from typing import Any, Final

import httpx

from benchmarks.quantiles import summary
from cinematch.adapters.mongodb_client import SyncDatabase
from cinematch.contracts.collections import USER_STATS

SAMPLES: Final = 200
POSTS_PER_SECOND: Final = 5.3
"""Not a whole number, lest every POST meets the same moment of the stream's trigger."""
POLL_SECONDS: Final = 0.004
GIVE_UP_SECONDS: Final = 60.0


def visibility(api_url: str, database: SyncDatabase, movie_ids: list[str]) -> dict[str, Any]:
    """Add a film to each of many lists, and watch `user_stats`. Counts from the moment when the POST is sent."""
    watch = _Watch(database)
    watch.start()
    with httpx.Client(base_url=api_url, timeout=10, trust_env=False) as client:
        for number in range(SAMPLES):
            user_id = f"bench-visible-{number}"
            sent = time.perf_counter()
            body = {"user_id": user_id, "movie_id": movie_ids[number % len(movie_ids)], "rating": 7.5}
            client.post("/movies", json=body).raise_for_status()
            watch.expect(user_id, sent)
            time.sleep(max(0.0, 1 / POSTS_PER_SECOND - (time.perf_counter() - sent)))
    return {"posts_per_second": POSTS_PER_SECOND, **summary(watch.finished())}


class _Watch(threading.Thread):
    """Polls for the users whose statistics are due; one look-up by key each time."""

    def __init__(self, database: SyncDatabase) -> None:
        super().__init__(daemon=True)
        self._stats = database[USER_STATS]
        self._sent: dict[str, float] = {}
        self._milliseconds: list[float] = []
        self._all_sent = threading.Event()

    def expect(self, user_id: str, sent: float) -> None:
        """Watch for a user's first statistics."""
        self._sent[user_id] = sent

    def run(self) -> None:
        while self._sent or not self._all_sent.is_set():
            waiting = list(self._sent)
            found = [document["_id"] for document in self._stats.find({"_id": {"$in": waiting}}, {"_id": 1})]
            now = time.perf_counter()
            self._milliseconds += [(now - self._sent.pop(user_id)) * 1000 for user_id in found]
            time.sleep(POLL_SECONDS)

    def finished(self) -> list[float]:
        """Wait for the rest; give all latencies in milliseconds. Raises TimeoutError."""
        self._all_sent.set()
        self.join(GIVE_UP_SECONDS)
        if self.is_alive():
            raise TimeoutError(f"{len(self._sent)} statistics are still not there")
        return self._milliseconds
