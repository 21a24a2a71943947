"""One log of events of 1,000 users is delivered to the design's plain counters (HINCRBY, HINCRBYFLOAT, in one pipeline
a batch) and to our speed view, in the same batches, in one Redis, under the same faults from a fixed seed: a batch that
the consumer repeats after a crash (3 percent of the batches), one whose pipeline broke half-way and is repeated (2
percent), events that the relay sent twice (1 percent), and four nightly handoffs. At a handoff the batch has counted
all events up to a cut some batches back; the plain design then resets its counters, ours advances each user to the
boundary. A user is *right* when batch and counters together equal a recount of the log. No fault is harder than what
Kafka's at-least-once delivery allows.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks.event_log import additions
from benchmarks.measures.speed_apply import plain_counters
from benchmarks.population import user_name
from benchmarks.rows import Bound, Findings, Goal, compared
from benchmarks.servers import servers
from cinematch.adapters import redis_client
from cinematch.adapters.redis_speed_view import RedisSpeedView
from cinematch.domain.events import Event

TITLE: Final = "The design's claim: the accuracy of counters"
LIMIT: Final = (
    "A counter cannot know whether it has counted an event, nor which events a reset takes away. "
    "The sequence knows both."
)
SECONDS: Final = (60.0, 300.0)
USERS: Final = 1_000
BATCH: Final = 500
HANDOFFS: Final = 4
BATCHES_BEHIND: Final = 3
"""How far the log has gone on when a night's batch is published."""
REPEATED, BROKEN, SENT_TWICE = 0.03, 0.02, 0.01
IDLE_SECONDS: Final = 3_600.0


@dataclass(slots=True)
class Delivery:
    """What reaches the counters, step by step: batches of events, and handoffs at a boundary of the log."""

    events: Sequence[Event]
    draw: random.Random = field(default_factory=lambda: random.Random(11))

    def batches(self) -> Iterator[list[Event]]:
        """Give the log in batches, some events twice; before a repeated one comes all of it, or its beginning."""
        for start in range(0, len(self.events), BATCH):
            batch = [twin for event in self.events[start : start + BATCH] for twin in self._sent(event)]
            chance = self.draw.random()
            if chance < BROKEN:
                yield batch[: len(batch) // 2]
            elif chance < BROKEN + REPEATED:
                yield batch
            yield batch

    def _sent(self, event: Event) -> list[Event]:
        return [event, event] if self.draw.random() < SENT_TWICE else [event]


def measure(quick: bool) -> Findings:
    """Deliver to both, then count who is right."""
    events_each = 40 if quick else 400
    with servers("redis") as running:
        client: Any = redis_client.connect(running.settings)
        try:
            plain, ours = _right(client, additions([user_name(number) for number in range(USERS)], events_each))
        finally:
            client.close()
    goal = Goal(Bound.AT_LEAST, 100.0, of_ratio=False)
    return Findings(
        rows=[
            compared("users whose count is right, beside plain counters", "%", [ours.users], [plain.users], goal),
            compared("films counted right, beside plain counters", "%", [ours.films], [plain.films], goal),
        ],
        remarks=[
            "*Films counted right* is 100 percent less the mean difference of a user's count from the true one, in "
            "percent of it: what the design calls 95 to 99 percent."
        ],
    )


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Percent of users whose count is exact, and percent of films that are counted right."""

    users: float
    films: float


def accuracy(found: Counter[str], true: Counter[str]) -> Accuracy:
    """Compare counts by user."""
    exact = sum(found[user] == count for user, count in true.items())
    wrong = sum(abs(found[user] - count) for user, count in true.items())
    return Accuracy(100 * exact / len(true), 100 * (1 - wrong / true.total()))


def _right(client: Any, events: Sequence[Event]) -> tuple[Accuracy, Accuracy]:
    view = RedisSpeedView(client, IDLE_SECONDS)
    batches = list(Delivery(events).batches())
    nights = {len(batches) * night // (HANDOFFS + 1) for night in range(1, HANDOFFS + 1)}
    batch: Counter[str] = Counter()
    for place, delivered in enumerate(batches):
        with client.pipeline(transaction=False) as pipeline:
            for event in delivered:
                plain_counters(pipeline, event)
            pipeline.execute()
        view.apply(_by_user(delivered))
        if place in nights:
            batch = _counted(batches[: place + 1 - BATCHES_BEHIND])
            client.delete(*client.keys("plain:*"))
            view.advance(batch)
    true = _counted(batches)
    plain = Counter({user: batch[user] + _plain_count(client, user) for user in true})
    ours = Counter({user: batch[user] + _our_count(view, user) for user in true})
    return accuracy(plain, true), accuracy(ours, true)


def _counted(batches: Sequence[Sequence[Event]]) -> Counter[str]:
    """Count each event once: what a batch over the lake does."""
    return Counter(user for user, _ in {(event.user_id, event.sequence) for batch in batches for event in batch})


def _by_user(events: Sequence[Event]) -> dict[str, list[Event]]:
    grouped: dict[str, list[Event]] = {}
    for event in events:
        grouped.setdefault(event.user_id, []).append(event)
    return grouped


def _plain_count(client: Any, user: str) -> int:
    return int(client.hget(f"plain:{user}", "movie_count") or 0)


def _our_count(view: RedisSpeedView, user: str) -> int:
    snapshot = view.read(user)
    return snapshot.movie_count if snapshot else 0
