"""A Redis alone; our side is the adapter that the speed layer calls (`RedisSpeedView.apply`), which drops repeats,
keeps the tail, and counts, in one server-side call a user and batch. Beside it, on the same client library and in
turns, the plain recipe: HINCRBY, HINCRBYFLOAT, HINCRBY, HGETALL, HSET an event, which counts a repeated event twice.
Batches of 5,000 events (what one poll gives): of 500 users with ten each, and of 5,000 users with one each. What a
side has to work on is kept out of garbage collections: a full one of this process, which has made all the events, takes
60 ms, and fell now into the time of one side and now into the other's.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from benchmarks.event_log import additions
from benchmarks.rows import Bound, Findings, Goal, alone, compared
from benchmarks.servers import servers
from cinematch.adapters import redis_client
from cinematch.adapters.redis_speed_view import RedisSpeedView
from cinematch.batches import batches
from cinematch.domain.events import Event, EventType
from speed_layer.applier import USERS_PER_CALL

TITLE: Final = "Speed layer: events applied exactly once"
LIMIT: Final = (
    "Redis runs one script at a time, about 15 µs an event with its JSON; below that, Python encodes the entries. The "
    "plain recipe spends its time on five commands and answers an event in the client. A call costs as much for one "
    "event as for some: with one event of each user, the worst batch there is, ours calls for each event, too."
)
TRIED: Final = (
    "Two pipelines at a time, one packed while the server works on the other: 138 ms in place of 167 for 5,000 users "
    "with an event each, given at once, beside 172 of the plain recipe; three or four, or larger ones, took as long. "
    "The script reads all counters in one command and writes them in one, where it gave one to each counter: some 23 "
    "µs a call became 19 (making the tail 3.2, the hash 3.5, two genres 3, reading the entry's JSON 1.6, an empty "
    "script 2). The server works for 95 ms on such a batch, the client for 80."
)
SECONDS: Final = (60.0, 180.0)
BATCH: Final = 5_000
ONE_BY_ONE: Final = 500
"""Events of a round one by one: enough, at a few thousand a second."""
IDLE_SECONDS: Final = 3_600.0


def measure(quick: bool) -> Findings:
    """Measure both kinds of batches, in turns with both forms of the plain recipe."""
    rounds = 8 if quick else 20
    with servers("redis") as running:
        client: Any = redis_client.connect(running.settings)
        findings = Findings()
        for users in (500, 5_000):
            _compare(client, users, rounds, findings)
        findings.rows += _bytes(client)
        client.close()
    return findings


def _compare(client: Any, users: int, rounds: int, findings: Findings) -> None:
    view = RedisSpeedView(client, IDLE_SECONDS)
    ours: list[float] = []
    pipelined: list[float] = []
    single: list[float] = []
    for number in range(rounds + 1):
        events = additions([f"{users}-{number}-{user}" for user in range(users)], BATCH // users)
        rates = (
            _rate(events, partial(_apply, view)),
            _rate(events, partial(_plain_pipelined, client)),
            _rate(events[:ONE_BY_ONE], partial(_plain, client)),
        )
        if number:  # the first round teaches the script
            for figures, rate in zip((ours, pipelined, single), rates, strict=True):
                figures.append(rate)
    name = f"speed layer, {BATCH // users} event(s) of each of {users:,} users"
    beside = f"{name}, beside the plain recipe"
    findings.rows += [
        compared(f"{beside} pipelined", "events/s", ours, pipelined, Goal(Bound.AT_LEAST, 1.5)),
        compared(f"{beside} one by one", "events/s", ours, single, Goal(Bound.AT_LEAST, 12.0)),
    ]


def _rate(events: list[Event], work: Callable[[list[Event]], object]) -> float:
    gc.collect()
    gc.freeze()
    began = time.perf_counter()
    work(events)
    return len(events) / (time.perf_counter() - began)


def _apply(view: RedisSpeedView, events: list[Event]) -> None:
    """Apply in groups as large as those of the speed layer's applier."""
    for part in batches(_by_user(events).items(), USERS_PER_CALL):
        view.apply(dict(part))


def _by_user(events: list[Event]) -> dict[str, list[Event]]:
    grouped: dict[str, list[Event]] = {}
    for event in events:
        grouped.setdefault(event.user_id, []).append(event)
    return grouped


def _plain_pipelined(client: Any, events: list[Event]) -> None:
    """The averages need the answers, so they go in a second pipeline."""
    with client.pipeline(transaction=False) as pipeline:
        for event in events:
            plain_counters(pipeline, event)
            pipeline.hgetall(_key(event))
        answers = pipeline.execute()[3::4]
    with client.pipeline(transaction=False) as pipeline:
        for event, counters in zip(events, answers, strict=True):
            pipeline.hset(_key(event), "avg_rating_live", _average(counters))
        pipeline.execute()


def _plain(client: Any, events: list[Event]) -> None:
    for event in events:
        plain_counters(client, event)
        client.hset(_key(event), "avg_rating_live", _average(client.hgetall(_key(event))))


def plain_counters(client: Any, event: Event) -> None:
    """Count one event as the design's recipe says, on a client or a pipeline."""
    sign = {EventType.ADD: 1, EventType.UPDATE: 0, EventType.DELETE: -1}[event.event_type]
    client.hincrby(_key(event), "movie_count", sign)
    client.hincrbyfloat(_key(event), "rating_sum", (event.rating or 0.0) - (event.previous_rating or 0.0))
    client.hincrby(_key(event), "rating_count", sign)


def _key(event: Event) -> str:
    return f"plain:{event.user_id}"


def _average(counters: dict[bytes, bytes]) -> float:
    return float(counters[b"rating_sum"]) / max(1, int(counters[b"rating_count"]))


def _bytes(client: Any) -> list[Any]:
    """Weigh 2,000 users with 1 event, then with 21."""
    client.flushall()
    view, users = RedisSpeedView(client, IDLE_SECONDS), [f"user-{number:07d}" for number in range(2_000)]
    events = additions(users, 21)
    empty = _used(client)
    view.apply(_by_user(events[: len(users)]))
    first = _used(client)
    view.apply(_by_user(events[len(users) :]))
    each = (_used(client) - first) / (20 * len(users))
    return [
        alone("Redis, a pending event", "bytes", [each]),
        alone("Redis, a user with one pending event", "bytes", [(first - empty) / len(users)]),
    ]


def _used(client: Any) -> int:
    return int(client.info("memory")["used_memory"])
