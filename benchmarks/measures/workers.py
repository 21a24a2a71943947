"""The same work by one worker and by two, in turns, each on servers of its own. *Speed layer*: processes that apply a
batch of 5,000 events each to one Redis. *Lake sink*: members of one consumer group, halted while a backlog of 20,000
events grows, until the lake has all rows; and two members of a topic of one partition. *Micro-batch* and *nightly
batch*: Spark with one task slot and with two (`local[1]`, `local[2]`), until `user_stats` has a backlog (after a
small one, for the JVM), and a `--full` run over 200,000 events of 2,000 users without the start of Spark. *API*:
processes that answer GET /stats (of 5,000 users with pending events, so every answer is a merge), one client process
with 16 connections to each; and that take POSTs, each a change. Processes whose figures are added begin together. What
two workers could give at most is what the machine's cores leave them. The relay is not here: one works at a time, by a
lease.
"""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import repeat
from threading import Barrier
from typing import Final

import httpx
import psutil

from benchmarks.event_log import additions
from benchmarks.http_load import get, saturate
from benchmarks.invented_lake import InventedLake
from benchmarks.measures.backlog import EVENTS_EACH, all_reached, catch_up, store_lists
from benchmarks.measures.nightly_batch import nightly_run
from benchmarks.measures.posts import films
from benchmarks.measures.stats_reads import check_merged
from benchmarks.population import load_catalog, load_users, user_name
from benchmarks.rows import Findings, compared
from benchmarks.servers import Servers, servers
from cinematch.adapters import mongodb_client, redis_client, s3_objects
from cinematch.adapters.kafka_topics import ensure_topics
from cinematch.adapters.redis_speed_view import RedisSpeedView
from cinematch.adapters.s3_lake_folder import LakeFolder
from cinematch.contracts.collections import USER_STATS
from cinematch.contracts.lake_paths import EVENTS_FOLDER
from cinematch.domain.events import Event
from cinematch.settings import Settings

TITLE: Final = "Horizontal scale: one worker and two"
LIMIT: Final = (
    "On two cores the second worker takes what the servers and the load had: one Redis executes one script at a time, "
    "mongod and the client of the load need their share. Beyond a machine, workers end at the topic's partitions."
)
SECONDS: Final = (None, 2_700.0)
ROUNDS: Final = 2
BATCHES: Final = 40
BATCH_USERS, BATCH_EVENTS_EACH = 500, 10
BACKLOGS: Final = {"cold": 50, "warm": 500}
"""Users of the small backlog of micro-batch, and of the one that is timed."""
IDLE_SECONDS: Final = 3_600.0
TOPIC: Final = "workers"
"""Of the lake sinks: with as many partitions as are asked for."""
NIGHT: Final = (2_000, 1, 100)
"""Users, first sequence, events of each."""
READ_USERS: Final = 5_000
CLIENTS: Final = 16
START_SECONDS: Final = 120.0
"""How long one process waits for the other: it imports and prepares its events meanwhile."""
WARM_UP_SECONDS, LOAD_SECONDS = 1.0, 4.0
Rate = Callable[[int], float]
"""Workers -> how much they do a second, together."""


def measure(quick: bool) -> Findings:
    """Measure every layer; quick or not."""
    layers: dict[str, tuple[str, Rate]] = {
        "speed layer": ("events/s", _appliers),
        "lake sink": ("events/s", _sinks),
        "lake sink, a topic of one partition": ("events/s", partial(_sinks, partitions=1)),
        "micro-batch": ("events/s", _slots),
        "nightly batch": ("events/s", _nights),
        "API, GET /stats": ("requests/s", _readers),
        "API, POST /movies": ("requests/s", _writers),
    }
    findings = Findings(remarks=[f"The machine has {psutil.cpu_count()} cores."])
    for name, (unit, rate) in layers.items():
        with findings.part(name):
            pairs = [(rate(2), rate(1)) for _ in range(ROUNDS)]
            two, one = map(list, zip(*pairs, strict=True))
            findings.rows.append(compared(f"{name}, two workers beside one", unit, two, one))
    return findings


@contextmanager
def _processes(workers: int) -> Iterator[tuple[ProcessPoolExecutor, Barrier]]:
    """Give processes, and what they wait at for each other before they begin."""
    spawn = multiprocessing.get_context("spawn")
    with spawn.Manager() as manager, ProcessPoolExecutor(workers, mp_context=spawn) as pool:
        yield pool, manager.Barrier(workers, timeout=START_SECONDS)


def _appliers(workers: int) -> float:
    with servers("redis") as running, _processes(workers) as (pool, start):
        apply = partial(apply_batches, running.settings.redis_url, start)
        list(pool.map(apply, range(workers), repeat(1)))  # import, teach the script
        seconds = max(pool.map(apply, range(10, 10 + workers), repeat(BATCHES)))
    return workers * BATCHES * BATCH_USERS * BATCH_EVENTS_EACH / seconds


def apply_batches(redis_url: str, start: Barrier, worker: int, batches: int) -> float:
    """Apply batches of 500 new users with ten events each; give the seconds."""
    client = redis_client.connect(Settings(redis_url=redis_url))
    view, ready = RedisSpeedView(client, IDLE_SECONDS), []
    for number in range(batches):
        grouped: dict[str, list[Event]] = {}
        for event in additions([f"{worker}-{number}-{user}" for user in range(BATCH_USERS)], BATCH_EVENTS_EACH):
            grouped.setdefault(event.user_id, []).append(event)
        ready.append(grouped)
    start.wait()
    began = time.perf_counter()
    for grouped in ready:
        view.apply(grouped)
    seconds = time.perf_counter() - began
    client.close()
    return seconds


def _sinks(workers: int, partitions: int = 4) -> float:
    events = additions([user_name(user) for user in range(2_000)], 10)
    own = {"EVENTS_TOPIC": TOPIC, "TOPIC_PARTITIONS": str(partitions)}
    own |= {"LAKE_FLUSH_EVENTS": "2500", "LAKE_FLUSH_SECONDS": "1"}
    with servers("kafka", "minio") as running, ExitStack() as ends:
        ensure_topics(running.settings.kafka_bootstrap_servers, {TOPIC: partitions})
        layers = [ends.enter_context(running.layer("data_lake", own)) for _ in range(workers)]
        time.sleep(5.0)  # until the group has shared the partitions
        folder = LakeFolder(s3_objects.connect(running.settings), EVENTS_FOLDER)

        def has_all() -> bool:
            return sum(link.rows for link in folder.links(folder.view())) == len(events)

        (seconds,) = catch_up(running, layers, events, [has_all], TOPIC)
    return len(events) / seconds


def _slots(workers: int) -> float:
    with servers("kafka", "mongodb") as running, mongodb_client.connect(running.settings) as client:
        database = client[running.settings.mongodb_database]
        load_catalog(database)
        with running.layer("micro_batch", {"SPARK_MASTER_URL": f"local[{workers}]"}) as layer:
            for kind, count in BACKLOGS.items():
                users = [f"{kind}-{user_name(user)}" for user in range(count)]
                events = additions(users, EVENTS_EACH)
                store_lists(database, events)
                (seconds,) = catch_up(running, [layer], events, [all_reached(database, USER_STATS, users)])
    return len(events) / seconds


def _nights(workers: int) -> float:
    with servers("mongodb", "redis", "minio") as running:
        running.load_catalog()
        InventedLake(running.settings, running.folder / "events").append(*NIGHT)
        running.environment["SPARK_MASTER_URL"] = f"local[{workers}]"
        told = nightly_run(running, "full")
    return float(told["events"] / told["seconds"])


def _readers(workers: int) -> float:
    with servers("mongodb", "redis") as running:
        running.load_catalog()
        _load_users(running)
        return _answered(running, workers, "lambda", read_constantly)


def _load_users(running: Servers) -> None:
    redis = redis_client.connect(running.settings)
    with mongodb_client.connect(running.settings) as client:
        load_users(client[running.settings.mongodb_database], RedisSpeedView(redis, IDLE_SECONDS), READ_USERS)
    redis.close()


def _writers(workers: int) -> float:
    with servers("mongodb", "redis") as running:
        running.load_catalog()
        return _answered(running, workers, "micro_batch", write_constantly)


def _answered(running: Servers, workers: int, mode: str, load: Callable[[Barrier, str, int], float]) -> float:
    """Give the answers a second of so many API processes, each with a client process of its own."""
    with ExitStack() as ends:
        urls = [ends.enter_context(running.api(mode)) for _ in range(workers)]
        pool, start = ends.enter_context(_processes(workers))
        return sum(pool.map(partial(load, start), urls, range(workers)))


def read_constantly(start: Barrier, url: str, worker: int) -> float:
    """Give the answers a second of one API process to 16 clients. Raises ValueError when they are no merges."""
    check_merged(httpx.get(f"{url}/stats", params={"user_id": user_name(5)}, trust_env=False).raise_for_status().json())
    return _rate(start, url, _reads(worker))


def _reads(seed: int) -> Iterator[bytes]:
    draw = random.Random(seed)
    while True:
        yield get(f"/stats?user_id={user_name(draw.randrange(READ_USERS))}")


def write_constantly(start: Barrier, url: str, worker: int) -> float:
    """Give the changes a second that one API process takes from 16 clients; of users of their own."""
    return _rate(start, url, films(users=f"bench-worker-{worker}"))


def _rate(start: Barrier, url: str, requests: Iterator[bytes]) -> float:
    saturate(url, requests, CLIENTS, WARM_UP_SECONDS)
    start.wait()
    return saturate(url, requests, CLIENTS, LOAD_SECONDS).per_second
