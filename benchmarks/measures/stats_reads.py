"""One API process (STATS_MODE=lambda, uvicorn as in production) over a MongoDB and a Redis that hold 100,000 users
(15,000 in a quick run) with lists of 10 films in the mean and 3 pending events each, so every answer is a merge. Each
client asks for a random user, again as soon as it is answered. Beside it, in turns: the same process answering a
constant JSON of the same size, and the two look-ups alone (our adapters in one event loop, without HTTP and merge).
Then half of the greatest rate on a fixed schedule, in turns with the constant answer; and once more while a generation
is published and all speed views are advanced, by a process that steps back as the stack's batch does.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from statistics import median
from typing import Any, Final

import httpx
import uvloop

from benchmarks.child_commands import module
from benchmarks.http_load import Load, get, on_schedule, saturate
from benchmarks.population import load_catalog, load_users, user_name
from benchmarks.quantiles import percentile
from benchmarks.rows import Bound, Curve, Findings, Goal, alone, compared
from benchmarks.servers import Servers, servers
from cinematch.adapters import mongodb_client, redis_client
from cinematch.adapters.mongodb_stats import MongoStats
from cinematch.adapters.redis_speed_reader import RedisSpeedReader
from cinematch.adapters.redis_speed_view import RedisSpeedView
from cinematch.local_stack.service import LAST
from cinematch.settings import Settings

TITLE: Final = "GET /stats, merged on read"
LIMIT: Final = (
    "One process is one core: HTTP parsing, routing and metrics are what the constant answer costs, too; the rest is "
    "two drivers in Python and the merge. More processes scale by cores. With one client the two look-ups alone take "
    "more than twice as long as the constant answer, so half of its rate is out of reach; with 16 a merge that cost "
    "nothing would leave about 0.6 of it."
)
TRIED: Final = (
    "Where the API's processor time went under 16 clients, sampled every 2 ms: HTTP, routing, middleware and metrics "
    "half, the aggregation by the driver of MongoDB about a quarter (4 % of it decodes BSON), the script in Redis a "
    "tenth, merging and reading the summary an eighth, encoding and tagging the answer 3 %. Users who are asked for "
    "at once now share one aggregation and one pipeline, and the script answers one text in place of nested lists: "
    "the API's processor time a request fell to 0.65 of what it was, mongod's to 0.41 and Redis's to 0.43 (medians of "
    "five interleaved rounds of 1,000 requests, on a busy machine). The merge keeps exact means as plain numbers "
    "instead of fractions, takes rows out by name, and counts each film's change once: 0.8 of its time; reading the "
    "summary 0.75. EXPLAIN shows the join through the view as two look-ups by `_id`, without a scan. The join as a "
    "plain command in place of a cursor takes 0.81 to 0.87 of the driver's processor time (600 calls each, in turns); "
    "it was not taken, for such a command is not repeated by the driver when its connection breaks, and does not heed "
    "the address's read concern. Recordings until November 29 published from within the client of the load, and so "
    "measured that client; recordings from before had a catalog newer than the batch, so each answer also asked for "
    "the whole list: a mistake of the measure. The routes that are asked most are looked at first, which helped the "
    "constant answer, too: its route comes before all others now, so it is a stricter limit than in runs until "
    "November 30, 04:16. Films of the catalog that the process keeps are read anew in groups, not one by one as they "
    "are missed. Packed rankings took a document of 10 films from 11.6 KB to 6.8: the ratios stayed. What one merged "
    "answer of such a user costs in Python besides drivers and HTTP, piece by piece: decoding the document 48 µs, "
    "reading its summary 83, the tail 12, how the views meet 13, the merge 99, statistics 20, live counters 7, "
    "encoding and tag 18."
)
SECONDS: Final = (150.0, 600.0)
CLIENTS: Final = (1, 16, 64)


@dataclass(frozen=True, slots=True)
class _Size:
    users: int
    rounds: int
    seconds: float
    scheduled_seconds: float


QUICK: Final = _Size(users=15_000, rounds=5, seconds=0.6, scheduled_seconds=1.6)
FULL: Final = _Size(users=100_000, rounds=5, seconds=5.0, scheduled_seconds=10.0)
TURNS: Final = 5
PUBLICATION_TURNS: Final = 6
"""So many windows long is the one in which a generation is published."""


def measure(quick: bool) -> Findings:
    """Load the stores, then measure one number of clients after the other."""
    size = QUICK if quick else FULL
    with servers("mongodb", "redis") as running:
        _load(running.settings, size.users)
        with running.api("lambda") as url:
            return _measured(running, url, size)


def _measured(running: Servers, url: str, size: _Size) -> Findings:
    findings = Findings()
    body = httpx.get(f"{url}/stats", params={"user_id": user_name(5)}, trust_env=False).raise_for_status()
    check_merged(body.json())
    constant = f"/constant/{len(body.content)}"
    reads, constants = _reads(size.users), repeat(get(constant))
    saturate(url, reads, 16, 2.0)  # compile, fill caches
    best = 0.0
    for clients in CLIENTS:
        ours, beside, raw = [], [], []
        for _ in range(size.rounds):
            ours.append(saturate(url, reads, clients, size.seconds))
            beside.append(saturate(url, constants, clients, size.seconds))
            raw.append(_look_ups(running.settings, clients, size))
        rates = [load.per_second for load in ours]
        best = max(best, median(rates))
        goal = Goal(Bound.AT_LEAST, 0.5)
        name = f"GET /stats, {clients} clients"
        findings.rows += [
            compared(
                f"{name}, beside the constant answer", "requests/s", rates, [it.per_second for it in beside], goal
            ),
            compared(f"{name}, beside the two look-ups", "requests/s", rates, raw),
        ]
        for share in (50, 99):
            row = compared(
                f"{name}, p{share}",
                "ms",
                [percentile(it.milliseconds, share) for it in ours],
                [percentile(it.milliseconds, share) for it in beside],
            )
            findings.rows.append(row)
        if failed := sum(it.failed for it in ours):
            findings.remarks.append(f"{name}: {failed} requests were not answered by 200.")
    findings.curves += _curves(findings)
    _at_half(running, url, best / 2, size, constants, findings)
    return findings


def check_merged(answer: dict[str, Any]) -> None:
    """Raise ValueError unless an answer is what is to be measured: a complete merge of both views."""
    covers = answer["freshness"]
    if not (covers["complete"] and covers["as_of_sequence"] < covers["applied_sequence"]):
        raise ValueError(f"not a merge of both views: {covers}")


def _at_half(
    running: Servers, url: str, rate: float, size: _Size, constants: Iterator[bytes], findings: Findings
) -> None:
    goal = Goal(Bound.AT_MOST, 10.0, of_ratio=False)
    name, reads = "GET /stats at half the greatest rate, p99", _reads(size.users)
    ours: list[Load] = []
    beside: list[Load] = []
    for _ in range(TURNS):
        ours.append(on_schedule(url, reads, rate, size.scheduled_seconds))
        beside.append(on_schedule(url, constants, rate, size.scheduled_seconds))
    findings.rows.append(compared(f"{name}, beside the constant answer", "ms", _p99(ours), _p99(beside), goal))
    publication = partial(module, running.environment, "benchmarks.publication", "2", niceness=LAST)
    with ThreadPoolExecutor(1) as pool:
        began, publishing = time.monotonic(), pool.submit(publication)
        during = on_schedule(url, reads, rate, PUBLICATION_TURNS * size.scheduled_seconds)
        publishing.result()
    findings.rows.append(alone(f"{name}, during a publication", "ms", _p99([during]), goal))
    failed = sum(load.failed for load in (*ours, during))
    findings.remarks.append(
        f"Half the greatest rate was {rate:.0f} requests/s; not answered by 200: {failed}. Publishing {size.users:,} "
        f"users ended {time.monotonic() - began:.0f} s after the window of {during.seconds:.0f} s began."
    )


def _p99(loads: Sequence[Load]) -> list[float]:
    return [percentile(load.milliseconds, 99) for load in loads]


def _load(settings: Settings, users: int) -> None:
    with mongodb_client.connect(settings) as client:
        database = client[settings.mongodb_database]
        load_catalog(database)
        redis = redis_client.connect(settings)
        load_users(database, RedisSpeedView(redis, settings.speed_idle_expiry_seconds), users)
        redis.close()


def _reads(users: int) -> Iterator[bytes]:
    draw = random.Random(7)
    while True:
        yield get(f"/stats?user_id={user_name(draw.randrange(users))}")


def _look_ups(settings: Settings, clients: int, size: _Size) -> float:
    return uvloop.run(_look_up(settings, clients, size))


async def _look_up(settings: Settings, clients: int, size: _Size) -> float:
    """Give look-ups of both stores a second."""
    async with mongodb_client.connect_async(settings) as mongo, redis_client.connect_async(settings) as redis:
        store, reader = MongoStats(mongo[settings.mongodb_database]), RedisSpeedReader(redis)
        draw, done = random.Random(7), 0
        await asyncio.gather(store.batch_stats(user_name(0)), reader.read(user_name(0)))
        began = time.perf_counter()

        async def look() -> None:
            nonlocal done
            while time.perf_counter() < began + size.seconds:
                user = user_name(draw.randrange(size.users))
                await asyncio.gather(store.batch_stats(user), reader.read(user))
                done += 1

        await asyncio.gather(*(look() for _ in range(clients)))
        return done / (time.perf_counter() - began)


def _curves(findings: Findings) -> list[Curve]:
    rows = [row for row in findings.rows if row.measure.endswith("beside the constant answer")]
    rates: dict[str, Callable[[int], float]] = {
        "GET /stats": lambda place: rows[place].ours,
        "the constant answer": lambda place: rows[place].beside or 0.0,
    }
    places = range(len(CLIENTS))
    return [Curve("reads", label, CLIENTS, tuple(map(rate, places))) for label, rate in rates.items()]
