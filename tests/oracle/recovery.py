"""How long it takes after a fault until everything is as if it had not been: one at a time, on the running stack."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import httpx

from cinematch.contracts import collections
from tests.end_to_end.running_stack import RunningStack
from tests.oracle.faults import Faults
from tests.oracle.proxy import Conduct

POLL_SECONDS: Final = 0.1
PATIENCE_SECONDS: Final = 600
PROBE: Final = "probe"
ASKED_USERS: Final = 20
"""So many are asked for whether their answers are complete: few enough not to be what takes the time."""
Row = dict[str, Any]


@dataclass
class Drill:
    """Does one fault after another to a stack, and measures."""

    stack: RunningStack
    client: httpx.Client
    faults: Faults
    down_seconds: float = 60.0
    """How long a server is away that stays away."""

    def quick(self) -> dict[str, Callable[[], None]]:
        """Faults from which recovery takes seconds, by name."""
        return {
            "MongoDB's primary steps down": self.faults.step_down,
            f"Redis wiped, {self._users()} users": self.faults.flush_redis,
            "relay killed": lambda: self.faults.kill("relay"),
        }

    def all(self) -> dict[str, Callable[[], None]]:
        """Every fault that is measured, by name."""
        parts = ("speed_layer", "micro_batch", "api", "redis", "mongodb", "kafka")
        kills = {f"{part} killed": partial(self.faults.kill, part) for part in parts}
        return self.quick() | kills | {f"Kafka away for {self.down_seconds:g} s": partial(self._away, "kafka")}

    def measure(self, name: str, act: Callable[[], None]) -> Row:
        """Do it; give the seconds from its end until everything works again.

        Until a POST is acknowledged, until it is in a complete answer, until some other users' answers are complete,
        and until `user_stats`, the trends, the speed view and the lake have everything.
        """
        self.stack.wait_until_healthy()
        self.stack.wait_until_everywhere(PATIENCE_SECONDS)
        act()
        ended = time.monotonic()
        sequence = self._post()
        posted = time.monotonic()
        self._await_complete(PROBE, sequence)
        answered = time.monotonic()
        with self._sequences() as issued:
            for user in sorted(issued)[:ASKED_USERS]:
                self._await_complete(user, issued[user])
        complete = time.monotonic()
        self.stack.wait_until_everywhere(PATIENCE_SECONDS)
        moments = {"post": posted, "answer": answered, "answers": complete, "every_view": time.monotonic()}
        return {"fault": name, **{key: round(at - ended, 1) for key, at in moments.items()}}

    def _post(self) -> int:
        rating = 0.5 + (time.monotonic_ns() // 1000) % 19 / 2
        body = {"user_id": PROBE, "movie_id": f"f{time.monotonic_ns() % 36}", "rating": rating}
        sequence: int = self.stack.post_until_acknowledged(self.client, body, PATIENCE_SECONDS)["sequence"]
        return sequence

    def _await_complete(self, user: str, sequence: int) -> None:
        """Read until everything is in the answer."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                answer = self.client.get("/stats", params={"user_id": user, "min_sequence": sequence})
            except httpx.TransportError:
                continue
            if answer.status_code == 200 and answer.json()["freshness"]["complete"]:
                return
            time.sleep(POLL_SECONDS)
        raise AssertionError(f"{user} is not complete")

    def _away(self, server: str) -> None:
        self.faults.count(f"{server} away")
        self.faults.proxies.behave(server, Conduct.CUT)
        try:
            deadline = time.monotonic() + self.down_seconds
            while time.monotonic() < deadline:
                self._post()
                time.sleep(1)
        finally:
            self.faults.proxies.behave(server, Conduct.GOOD)

    @contextmanager
    def _sequences(self) -> Iterator[dict[str, int]]:
        with self.stack.database() as database:
            yield {user["_id"]: user["sequence"] for user in database[collections.USER_SEQUENCES].find()}

    def _users(self) -> int:
        with self._sequences() as issued:
            return len(issued)
