"""`python -m benchmarks.speed_latency`: how long an event takes from Kafka to Redis; servers of its own, temporary.

For each trigger and rate, `python -m speed_layer` runs as it does in production. Each event belongs to a user of its
own. The clock runs from the moment the event is handed to a producer in a process of its own to the moment Redis
announces the change of that user's hash (keyspace notifications), so the figures contain both.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson
import redis
from kafka import KafkaProducer

from benchmarks.machine import machine
from benchmarks.quantiles import summary
from cinematch.adapters.kafka_topics import ensure_topics
from cinematch.contracts.event_codec import encode
from cinematch.contracts.redis_keys import user_of
from cinematch.domain.events import Event, EventType
from cinematch.local_stack.child_process import ChildProcess
from cinematch.local_stack.kafka_server import KafkaServer
from cinematch.local_stack.log_file import LogFile
from cinematch.local_stack.mongo_server import MongoServer
from cinematch.local_stack.ports import free_port
from cinematch.local_stack.redis_server import RedisServer
from cinematch.local_stack.service import Service
from cinematch.local_stack.toolchain import Toolchain
from cinematch.readiness import READY_FILE_VARIABLE

TOPIC: Final = "user-movie-events"
PARTITIONS: Final = 4
WARM_UP_SECONDS: Final = 10
START_SECONDS: Final = 120
DRAIN_SECONDS: Final = 60
RESULTS: Final = Path(__file__).parent / "results" / "speed_latency.json"
GOALS: Final = {"realtime": "10/25", "micro_batch": "one batch + 300"}


def main() -> None:
    """Measure, print a table, write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="measured seconds per trigger and rate")
    parser.add_argument("--rates", type=int, nargs="+", default=[50, 1000], help="events per second")
    parser.add_argument("--triggers", nargs="+", default=["realtime", "micro_batch"])
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    machine_before = machine()
    with tempfile.TemporaryDirectory(prefix="speed-latency-") as folder:
        for trigger in options.triggers:
            with _servers(Path(folder) / trigger) as environment, _speed_layer(Path(folder), environment, trigger):
                _measure(environment, 50, WARM_UP_SECONDS)
                for rate in options.rates:
                    rows.append(
                        {"trigger": trigger, "events_per_second": rate} | _measure(environment, rate, options.seconds)
                    )
                    print(rows[-1], flush=True)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    told = {"measured_at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine_before, "results": rows}
    options.output.write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2) + b"\n")
    _print_table(rows)


@contextmanager
def _servers(folder: Path) -> Iterator[dict[str, str]]:
    toolchain = Toolchain()
    kafka = KafkaServer(toolchain, folder / "kafka", LogFile(folder / "kafka.log"), free_port(), free_port())
    mongo = MongoServer(toolchain, folder / "mongodb", LogFile(folder / "mongodb.log"), free_port())
    store = RedisServer(toolchain, folder / "redis", LogFile(folder / "redis.log"), free_port())
    servers: list[Service] = [kafka, mongo, store]
    try:
        for server in servers:
            server.start()
        for server in servers:
            server.wait_ready()
        topics = (TOPIC, "user-speed-deltas", f"{TOPIC}.dead-letter")
        ensure_topics(kafka.address, dict.fromkeys(topics, PARTITIONS))
        yield {
            "CHECKPOINT_DIR": str(folder / "checkpoints"),
            "KAFKA_BOOTSTRAP_SERVERS": kafka.address,
            "MONGODB_URL": mongo.url,
            "REDIS_URL": store.url,
            "SPARK_JARS_DIR": str(toolchain.spark_jars()),
            "SPARK_UI_PORT": "0",
        }
    finally:
        for server in reversed(servers):
            server.stop()


@contextmanager
def _speed_layer(folder: Path, environment: dict[str, str], trigger: str) -> Iterator[None]:
    ready, log = folder / f"{trigger}.ready", LogFile(folder / f"{trigger}.log")
    own = {READY_FILE_VARIABLE: str(ready), "SPEED_TRIGGER": trigger}
    process = ChildProcess([sys.executable, "-m", "speed_layer"], os.environ | environment | own, folder, log)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not ready.exists():
            if process.exit_code is not None or time.monotonic() > deadline:
                raise SystemExit("the speed layer did not start:\n" + "\n".join(log.last_lines(30)))
            time.sleep(0.1)
        yield
    finally:
        process.stop(30)


def _measure(environment: dict[str, str], rate: int, seconds: int) -> dict[str, Any]:
    run, total = f"run{time.time_ns()}", rate * seconds
    watch = _Watch(environment["REDIS_URL"], run, total)
    watch.start()
    with ProcessPoolExecutor(1) as publisher:
        sent = publisher.submit(_publish, environment["KAFKA_BOOTSTRAP_SERVERS"], run, rate, total).result()
    watch.join(DRAIN_SECONDS)
    if len(watch.seen) < total:
        raise TimeoutError(f"{total - len(watch.seen)} of {total} events have not reached Redis")
    return summary([(watch.seen[user] - sent[user]) * 1000 for user in sent])


def _publish(servers: str, run: str, rate: int, total: int) -> dict[str, float]:
    producer = KafkaProducer(bootstrap_servers=servers, linger_ms=0)
    template = _event()
    sent: dict[str, float] = {}
    start = time.perf_counter()
    for number in range(total):
        delay = start + number / rate - time.perf_counter()
        if delay > 0:
            time.sleep(delay)
        user = f"{run}-{number}"
        value = encode(replace(template, user_id=user))
        sent[user] = time.perf_counter()
        producer.send(TOPIC, key=user.encode(), value=value)
    producer.flush()
    producer.close()
    return sent


class _Watch(threading.Thread):
    """Notes when Redis announces each user; `start` returns when it listens."""

    def __init__(self, url: str, run: str, total: int) -> None:
        super().__init__(daemon=True)
        client: Any = redis.Redis.from_url(url)  # the driver types subscriptions not
        client.config_set("notify-keyspace-events", "Eh")
        self.seen: dict[str, float] = {}
        self._prefix = f"user:{{{run}-"
        self._total = total
        self._subscription = client.pubsub(ignore_subscribe_messages=True)
        self._subscription.subscribe("__keyevent@0__:hset")
        self._subscription.get_message(timeout=5)

    def run(self) -> None:
        for message in self._subscription.listen():
            now = time.perf_counter()
            key = message["data"].decode()
            if key.startswith(self._prefix):
                self.seen.setdefault(user_of(key), now)
                if len(self.seen) == self._total:
                    return


def _event() -> Event:
    now = datetime.now(UTC)
    return Event(
        event_id="0190b6d0-0000-7000-8000-000000000000",
        event_type=EventType.ADD,
        user_id="",
        movie_id="tt0111161",
        movie_name="The Shawshank Redemption",
        genres=("Drama", "Crime"),
        rating=9.5,
        previous_rating=None,
        sequence=1,
        event_time=now,
        watched_at=now,
        added_at=now,
    )


def _print_table(rows: Sequence[dict[str, Any]]) -> None:
    print(f"\n{'trigger':<12}{'events/s':>9}{'events':>9}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}   goal p50/p95")
    for row in rows:
        figures = "".join(f"{row[name]:>9}" for name in ("events_per_second", "count", "p50_ms", "p95_ms", "p99_ms"))
        print(f"{row['trigger']:<12}{figures}   {GOALS[row['trigger']]}")


if __name__ == "__main__":
    main()
