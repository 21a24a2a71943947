"""Kafka, MongoDB and Redis. Each layer runs as in production (the trends look every second, not every 30, which would
be what is measured), is halted (SIGSTOP) while a backlog grows in Kafka, and goes on; the time counts until its view
has the last event. The backlog is what ten minutes of 58 events a second leave (the mean of the design's 1,000,000
users): 34 events of each of 1,000 users, whose lists are in MongoDB; of 100 users in a quick run. *Steady rate* is 58.
Beside micro-batch, right after: the design's own recipe written plainly, in one Python process
(`benchmarks/plain_recipe.py`): for each event find the user's list and its films, compute with the same function, write
the document. In a full run once more with one event of each of those users, after all their other ones.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import psutil

from benchmarks.event_log import additions, publish, records
from benchmarks.plain_recipe import PlainRecipe
from benchmarks.population import load_catalog, user_name
from benchmarks.rows import Bound, Findings, Goal, compared
from benchmarks.servers import Servers, servers
from cinematch.adapters import mongodb_client, redis_client
from cinematch.adapters.mongodb_client import SyncDatabase
from cinematch.adapters.redis_speed_view import RedisSpeedView
from cinematch.contracts.collections import GLOBAL_PROGRESS, MOVIES, USER_SEQUENCES, USER_STATS
from cinematch.contracts.movie_document import movie_document
from cinematch.domain.events import Event
from cinematch.local_stack.layers import LayerProcess

TITLE: Final = "Micro-batch beside its plain recipe, and catching up after an outage"
LIMIT: Final = (
    "Micro-batch recomputes each user once a trigger, however many events the user had, so many events a user make it "
    "fast. With one event of each user a trigger it falls back to what a recomputation costs (see also the scale "
    "table). The trends write their counters in transactions."
)
SECONDS: Final = (150.0, 600.0)
USERS: Final = 1_000
STEADY_RATE: Final = 58.0
OUTAGE_SECONDS: Final = 600
EVENTS_EACH: Final = round(STEADY_RATE * OUTAGE_SECONDS) // USERS
PLAIN_EVENTS: Final = 300
POLL_SECONDS: Final = 0.05
TRENDS_AT_ONCE: Final = {"GLOBAL_TRENDS_TRIGGER_SECONDS": "1"}
THREE_TIMES: Final = Goal(Bound.AT_LEAST, 3.0)
FIVE_TIMES: Final = Goal(Bound.AT_LEAST, 5.0)


@dataclass(frozen=True, slots=True)
class _Size:
    users: int
    rounds: int


def measure(quick: bool) -> Findings:
    """Let micro-batch, then the speed layer, catch up."""
    size = _Size(100, rounds=4) if quick else _Size(USERS, rounds=4)
    findings = Findings()
    with servers("kafka", "mongodb", "redis") as running, mongodb_client.connect(running.settings) as client:
        database = client[running.settings.mongodb_database]
        load_catalog(database)
        with running.layer("micro_batch", TRENDS_AT_ONCE) as layer:
            _micro_batch(running, layer, database, size, findings)
            if not quick:
                _one_event_each(running, layer, database, size, findings)
        with running.layer("speed_layer") as layer:
            _speed_layer(running, layer, size, findings)
    return findings


def _micro_batch(
    running: Servers, layer: LayerProcess, database: SyncDatabase, size: _Size, findings: Findings
) -> None:
    stats: list[float] = []
    trends: list[float] = []
    plain: list[float] = []
    for number in range(size.rounds + 1):
        events = _round("micro", number, size)
        store_lists(database, events)
        users = sorted({event.user_id for event in events})
        done = [all_reached(database, view, users) for view in (USER_STATS, GLOBAL_PROGRESS)]
        seconds = catch_up(running, [layer], events, done)
        if number:  # the first round is for the JVM
            stats.append(len(events) / seconds[0])
            trends.append(len(events) / seconds[1])
            plain.append(_plain_rate(database, events))
    beside = "catching up, beside the steady rate"
    steady = [STEADY_RATE] * size.rounds
    findings.rows += [
        compared("micro-batch, user_stats, beside the plain recipe", "events/s", stats, plain, THREE_TIMES),
        compared(f"micro-batch, user_stats, {beside}", "events/s", stats, steady, FIVE_TIMES),
        compared(f"micro-batch, global trends, {beside}", "events/s", trends, steady, FIVE_TIMES),
    ]


def _one_event_each(
    running: Servers, layer: LayerProcess, database: SyncDatabase, size: _Size, findings: Findings
) -> None:
    """Let a backlog have one event of each user, whose list is as long as before: as many recomputations as events."""
    stats: list[float] = []
    plain: list[float] = []
    for number in range(1, size.rounds + 1):
        events = _round("single", number, size)
        users = sorted({event.user_id for event in events})
        before, last = ([event for event in events if (event.sequence == EVENTS_EACH) is it] for it in (False, True))
        store_lists(database, before)
        known = [all_reached(database, view, users, EVENTS_EACH - 1) for view in (USER_STATS, GLOBAL_PROGRESS)]
        catch_up(running, [layer], before, known)
        database[MOVIES].insert_many([movie_document(event) for event in last])
        database[USER_SEQUENCES].update_many({"_id": {"$in": users}}, {"$set": {"sequence": EVENTS_EACH}})
        (seconds,) = catch_up(running, [layer], last, [all_reached(database, USER_STATS, users)])
        stats.append(len(last) / seconds)
        plain.append(_plain_rate(database, last))
    name = "micro-batch, user_stats, one event of each user, beside the plain recipe"
    findings.rows.append(compared(name, "events/s", stats, plain, THREE_TIMES))


def _speed_layer(running: Servers, layer: LayerProcess, size: _Size, findings: Findings) -> None:
    view = RedisSpeedView(redis_client.connect(running.settings), running.settings.speed_idle_expiry_seconds)
    rates: list[float] = []
    for number in range(size.rounds + 1):
        events = _round("speed", number, size)
        users = sorted({event.user_id for event in events})

        def is_done(users: Sequence[str] = users) -> bool:
            ends = view.boundaries(users)
            return len(ends) == len(users) and all(last == EVENTS_EACH for _, last in ends.values())

        (seconds,) = catch_up(running, [layer], events, [is_done])
        if number:
            rates.append(len(events) / seconds)
    name = "speed layer, real time, catching up, beside the steady rate"
    findings.rows.append(compared(name, "events/s", rates, [STEADY_RATE] * size.rounds, FIVE_TIMES))


def _round(kind: str, number: int, size: _Size) -> list[Event]:
    """Give the backlog of users of their own; a small one to begin with."""
    users = size.users if number else max(50, size.users // 10)
    return additions([f"{kind}-{number}-{user_name(user)}" for user in range(users)], EVENTS_EACH)


def catch_up(
    running: Servers,
    layers: Sequence[LayerProcess],
    events: Sequence[Event],
    done: Sequence[Callable[[], bool]],
    topic: str | None = None,
) -> list[float]:
    """Publish while the layers are halted, to the events topic or another one; give the seconds until each is done."""
    settings = running.settings
    with halted(layer.pid for layer in layers):
        publish(settings.kafka_bootstrap_servers, topic or settings.events_topic, records(events))
    began = time.perf_counter()
    seconds: dict[int, float] = {}
    while len(seconds) < len(done):
        for place, is_done in enumerate(done):
            if place not in seconds and is_done():
                seconds[place] = time.perf_counter() - began
        time.sleep(POLL_SECONDS)
    return [seconds[place] for place in range(len(done))]


@contextmanager
def halted(layer_pids: Iterable[int | None]) -> Iterator[None]:
    """Let layers stand still; what comes meanwhile waits in Kafka."""
    parents = [psutil.Process(pid) for pid in layer_pids if pid is not None]
    processes = [process for parent in parents for process in (parent, *parent.children(recursive=True))]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


def all_reached(
    database: SyncDatabase, view: str, users: Sequence[str], sequence: int = EVENTS_EACH
) -> Callable[[], bool]:
    """Give a look at whether a view has the last event, or this one, of all users, who are sorted."""
    reached = {"_id": {"$gte": users[0], "$lte": users[-1]}, "sequence": {"$gte": sequence}}
    return lambda: database[view].count_documents(reached) == len(users)


def store_lists(database: SyncDatabase, events: Sequence[Event]) -> None:
    """Put into MongoDB what ingestion had put there before the events were published."""
    database[MOVIES].insert_many([movie_document(event) for event in events], ordered=False)
    last = {event.user_id: event.sequence for event in events}
    issued = [{"_id": user, "sequence": sequence} for user, sequence in last.items()]
    database[USER_SEQUENCES].insert_many(issued, ordered=False)


def _plain_rate(database: SyncDatabase, events: Sequence[Event]) -> float:
    """Give the events a second of the plain recipe, on the last ones: all lists are whole then."""
    recipe, part = PlainRecipe(database), events[-PLAIN_EVENTS:]
    began = time.perf_counter()
    for event in part:
        recipe.recompute(event.user_id)
    return len(part) / (time.perf_counter() - began)
