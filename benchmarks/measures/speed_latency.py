"""Kafka, MongoDB and Redis, and three readers that run side by side, each with a topic of its own: the speed layer with
the real-time trigger (the default), the speed layer with the micro-batch trigger, and a plain consumer group in Python
that calls the same function. Windows of load go to one after the other, in turns. A latency counts from the
moment when the event was due at a producer in a process of its own to the moment when Redis announces the change
(keyspace notifications), so the figures contain both. Each event belongs to a user of its own. The micro-batch trigger
fires every 500 ms.
"""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import redis

from benchmarks.event_log import additions, publish_on_schedule, records
from benchmarks.quantiles import percentile
from benchmarks.rows import Bound, Findings, Goal, alone, compared
from benchmarks.servers import Servers, servers
from cinematch.contracts.redis_keys import user_of

TITLE: Final = "Event in Kafka to Redis"
LIMIT: Final = (
    "Real-time mode passes each event through Kafka once more, which is its extra; its slow tail are the moments when "
    "Spark commits its checkpoint. The micro-batch trigger takes what one batch takes: planning, two log files, a "
    "Python worker; where that is more than the trigger, an event waits for the rest of one batch and the whole of the "
    "next. At 1,000 events/s the two cores are shared with the producer and two JVMs."
)
TRIED: Final = (
    "One request to Kafka at a time from the real-time stream, in place of five, so that what comes meanwhile goes "
    "together: at 1,000/s the median fell from 184 to 128 ms and p95 from 260 to 244, at 50/s they stayed (11.0 and "
    "10.7, 15.8 and 16.1; medians of three rounds in turns, none of them the table's): taken. A pause after each poll "
    "of the delta consumer: it held events up by as much as itself, so it comes only after ten records or more. By "
    "stack traces a micro-batch spent most of its time in asking Kafka for the ends of its partitions, for that "
    "question waited behind its own long poll on the same connection, up to 500 ms: with a poll of 1 ms a batch took "
    "0.18 s in place of 0.40, and the longest of fifteen 0.27 in place of 1.25. Looks at checkpoint files that start "
    "no program (Hadoop's FileContext runs `readlink`, 16 times a batch) are 54 ms of that. From Kafka to Redis at "
    "50/s the median fell from 550 to 409 ms, p95 from 990 to 633, p99 from 1,667 to 664, with no other reader "
    "running."
)
SECONDS: Final = (180.0, 600.0)
READERS: Final = ("plain", "realtime", "micro_batch")
RATES: Final = (50, 1_000)
TRIGGER_SECONDS: Final = 0.5
GOALS: Final = {
    ("realtime", 50): Goal(Bound.AT_MOST, 1.5),
    ("realtime", 99): Goal(Bound.AT_MOST, 2.0),
}
"""Of the ratio to a plain consumer."""
LIMITS: Final = {
    ("realtime", 50): Goal(Bound.AT_MOST, 10.0, of_ratio=False),
    ("realtime", 95): Goal(Bound.AT_MOST, 25.0, of_ratio=False),
    ("micro_batch", 95): Goal(Bound.AT_MOST, TRIGGER_SECONDS * 1000 + 300, of_ratio=False),
}
"""Of the milliseconds themselves: the design's words, read as event in Kafka to Redis."""
DRAIN_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class _Size:
    rounds: int
    seconds: float


QUICK: Final = _Size(rounds=4, seconds=1.5)
FULL: Final = _Size(rounds=4, seconds=20.0)


def measure(quick: bool) -> Findings:
    """Measure all readers in turns, one rate after the other."""
    size = QUICK if quick else FULL
    with servers("kafka", "mongodb", "redis") as running, readers(running), publisher() as pool:
        for reader in READERS:
            event_latencies(running, pool, reader, 50, 3.0)  # warm up
        findings = Findings()
        for rate in RATES:
            _compare(running, pool, rate, size, findings)
        return findings


@contextmanager
def readers(running: Servers) -> Iterator[None]:
    """Run the three readers."""
    with ExitStack() as ends:
        for reader in READERS:
            own = {"EVENTS_TOPIC": reader, "SPEED_DELTAS_TOPIC": f"{reader}-deltas", "SPEED_TRIGGER": "realtime"}
            running.topics(own["EVENTS_TOPIC"], own["SPEED_DELTAS_TOPIC"])
            module = "benchmarks.plain_consumer" if reader == "plain" else "speed_layer"
            trigger = {"SPEED_TRIGGER_SECONDS": str(TRIGGER_SECONDS)} if reader == "micro_batch" else {}
            trigger |= {} if reader == "plain" else {"SPEED_TRIGGER": reader}
            ends.enter_context(running.layer(module, own | trigger))
        yield


@contextmanager
def publisher() -> Iterator[ProcessPoolExecutor]:
    """Give a process of its own for the producer."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


def _compare(running: Servers, pool: ProcessPoolExecutor, rate: int, size: _Size, findings: Findings) -> None:
    found: dict[str, list[list[float]]] = {reader: [] for reader in READERS}
    for _ in range(size.rounds):
        for reader in READERS:
            found[reader].append(event_latencies(running, pool, reader, rate, size.seconds))
    for reader in READERS[1:]:
        for share in (50, 99):
            ours, beside = ([percentile(it, share) for it in found[name]] for name in (reader, "plain"))
            name = f"event to Redis, {reader} at {rate:,}/s, p{share}, beside a plain consumer"
            findings.rows.append(compared(name, "ms", ours, beside, GOALS.get((reader, share))))
        for (limited, share), limit in LIMITS.items():
            if limited == reader:
                figures = [percentile(it, share) for it in found[reader]]
                findings.rows.append(alone(f"event to Redis, {reader} at {rate:,}/s, p{share}", "ms", figures, limit))


def event_latencies(
    running: Servers, pool: ProcessPoolExecutor, topic: str, rate: float, seconds: float
) -> list[float]:
    """Publish to a reader's topic; give the milliseconds until Redis has each event. Raises TimeoutError."""
    run, total = f"run{time.time_ns()}", round(rate * seconds)
    events = additions([f"{run}-{number}" for number in range(total)], 1)
    watch = _Watch(running.settings.redis_url, run, total)
    watch.start()
    servers_ = running.settings.kafka_bootstrap_servers
    due_at: Mapping[str, float] = pool.submit(publish_on_schedule, servers_, topic, records(events), rate).result()
    watch.join(DRAIN_SECONDS)
    if len(watch.seen_at) < total:
        raise TimeoutError(f"{total - len(watch.seen_at)} of {total} events of {topic} have not reached Redis")
    return [(watch.seen_at[user] - due) * 1000 for user, due in due_at.items()]


class _Watch(threading.Thread):
    """Notes when Redis announces each user; `start` returns when it listens."""

    def __init__(self, url: str, run: str, total: int) -> None:
        super().__init__(daemon=True)
        client: Any = redis.Redis.from_url(url)  # the driver does not type subscriptions
        client.config_set("notify-keyspace-events", "Eh")
        self.seen_at: dict[str, float] = {}
        self._prefix = f"user:{{{run}-"
        self._total = total
        self._subscription = client.pubsub(ignore_subscribe_messages=True)
        self._subscription.subscribe("__keyevent@0__:hset")
        self._subscription.get_message(timeout=5)

    def run(self) -> None:
        for message in self._subscription.listen():
            now = time.time()
            key = message["data"].decode()
            if key.startswith(self._prefix):
                self.seen_at.setdefault(user_of(key), now)
                if len(self.seen_at) == self._total:
                    return
