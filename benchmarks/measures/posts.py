"""One API process over a MongoDB (a replica set of one, majority and journal), nothing else running. The greatest rate
with 16 clients, each adding films that are new to its user; in turns with the bare transaction (one event loop, the
same driver, 16 at once: take the sequence, insert the film, insert the outbox document, commit) and with the same route
when it does nothing. Then, in turns, 200 POSTs a second on a fixed schedule and as many bare transactions.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import count
from typing import Final

import uuid6
import uvloop
from pymongo import ReturnDocument

from benchmarks.http_load import Load, on_schedule, paced, post, saturate
from benchmarks.population import SEED
from benchmarks.quantiles import percentile
from benchmarks.rows import Bound, Findings, Goal, Row, compared
from benchmarks.servers import servers
from cinematch.adapters import mongodb_client
from cinematch.adapters.mongodb_watchlist_plan import TRANSACTION, outbox_documents
from cinematch.contracts.collections import MOVIES, OUTBOX, USER_SEQUENCES
from cinematch.contracts.movie_document import movie_document
from cinematch.domain.changes import AddFilm, Stamp, event_of
from cinematch.settings import Settings
from ingestion.seeding.catalog import invented_catalog

TITLE: Final = "POST /movies"
LIMIT: Final = (
    "A durable transaction waits for the journal; beyond that the driver's Python work for each of its commands, and "
    "that of the route, share one core, mongod and the client the other."
)
TRIED: Final = (
    "Changes that come while others are at work go together, in one read and one transaction: their commands are what "
    "costs, not the changes. What the API loaded at its start is kept out of full garbage collections, which had held "
    "up all its threads for 60 to 120 ms. Two groups at once, so that one is read while the other waits for the "
    "journal: at 200/s the median was 36 ms instead of 31 and p99 64 instead of 56, at 100/s 21 instead of 23 and 40 "
    "instead of 43, the greatest rate 330/s instead of 299 (medians of four rounds in turns, which differed by more): "
    "smaller groups cost what the waiting saved, so there is one."
)
SECONDS: Final = (60.0, 300.0)
CLIENTS: Final = 16
USERS: Final = 500
REQUESTS_PER_SECOND: Final = 200
TURNS: Final = 5
WARM_UP_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class _Size:
    rounds: int
    seconds: float
    scheduled_seconds: float


QUICK: Final = _Size(rounds=5, seconds=1.2, scheduled_seconds=8.0)
FULL: Final = _Size(rounds=5, seconds=8.0, scheduled_seconds=60.0)


def measure(quick: bool) -> Findings:
    """Measure the greatest rate in turns, then the latency at a fixed one."""
    size = QUICK if quick else FULL
    with servers("mongodb") as running:
        running.load_catalog()
        with running.api() as url:
            return _measured(running.settings, url, size)


def _measured(settings: Settings, url: str, size: _Size) -> Findings:
    additions = films()
    saturate(url, additions, CLIENTS, 2.0)  # create, compile
    ours, nothing, bare = [], [], []
    for _ in range(size.rounds):
        ours.append(saturate(url, additions, CLIENTS, size.seconds))
        nothing.append(saturate(url, films("/nothing"), CLIENTS, size.seconds))
        bare.append(uvloop.run(_transactions(settings, size.seconds)))
    scheduled = in_turns(url, additions, settings, REQUESTS_PER_SECOND, size.scheduled_seconds)
    rates = [load.per_second for load in ours]
    name = "POST /movies"
    findings = Findings(
        rows=[
            compared(f"{name}, beside the bare transaction", "requests/s", rates, bare, Goal(Bound.AT_LEAST, 0.6)),
            compared(f"{name}, beside the route doing nothing", "requests/s", rates, [it.per_second for it in nothing]),
            *latencies(f"{name} at {REQUESTS_PER_SECOND}/s", scheduled),
        ]
    )
    if failed := sum(load.failed for load in [*ours, *scheduled.posts]):
        findings.remarks.append(f"{failed} requests were not answered by 200.")
    return findings


@dataclass(frozen=True, slots=True)
class Turns:
    """Windows of POSTs on a schedule, and of bare transactions on the same one, in turns."""

    posts: list[Load]
    bare: list[Load]


def in_turns(url: str, additions: Iterator[bytes], settings: Settings, rate: float, seconds: float) -> Turns:
    """Measure `rate` of each a second for `seconds`, each after a moment to warm up."""
    turns = Turns([], [])
    for _ in range(TURNS):
        on_schedule(url, additions, rate, WARM_UP_SECONDS)
        turns.posts.append(on_schedule(url, additions, rate, seconds / TURNS))
        turns.bare.append(uvloop.run(_transactions_on_schedule(settings, rate, seconds / TURNS)))
    return turns


def latencies(name: str, turns: Turns) -> list[Row]:
    """Give the median and the 99th percentile, which is to be below 50 ms, beside those of bare transactions."""
    goals = {50: None, 99: Goal(Bound.AT_MOST, 50.0, of_ratio=False)}
    rows = []
    for share, goal in goals.items():
        ours, bare = ([percentile(it.milliseconds, share) for it in side] for side in (turns.posts, turns.bare))
        rows.append(compared(f"{name}, p{share}", "ms", ours, bare, goal))
    return rows


def films(path: str = "/movies", users: str = "bench-post") -> Iterator[bytes]:
    """Give POSTs that are changes, all of them: of each film by each of many users, whose names begin so."""
    for film in invented_catalog(SEED):
        for user in range(USERS):
            body = {"user_id": f"{users}-{user}", "movie_id": film.movie_id, "rating": 1 + (user % 19) / 2}
            yield post(path, body)


async def _transactions(settings: Settings, seconds: float) -> float:
    """Give bare transactions a second, CLIENTS at once."""
    done = 0
    async with bare_transactions(settings) as write:
        began = time.perf_counter()

        async def worker() -> None:
            nonlocal done
            while time.perf_counter() < began + seconds:
                await write()
                done += 1

        await asyncio.gather(*(worker() for _ in range(CLIENTS)))
        return done / (time.perf_counter() - began)


async def _transactions_on_schedule(settings: Settings, rate: float, seconds: float) -> Load:
    """Begin bare transactions evenly, whether or not earlier ones have ended; as warm as the API."""
    warm, load = Load(), Load()
    async with bare_transactions(settings) as write:

        async def timed(load: Load, due: float) -> None:
            await write()
            load.note(due, 200)

        await paced(rate, WARM_UP_SECONDS, partial(timed, warm))
        await paced(rate, seconds, partial(timed, load))
    return load


@asynccontextmanager
async def bare_transactions(settings: Settings) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Give what carries out one bare transaction; of users of their own, each time of another one."""
    catalog, run, numbers = invented_catalog(SEED), uuid6.uuid7().hex[-8:], count()
    async with mongodb_client.connect_async(settings) as client:
        database = client[settings.mongodb_database]

        async def write() -> None:
            number = next(numbers)
            user_id, film = f"bench-bare-{run}-{number % USERS}", catalog[number // USERS]
            async with client.start_session() as session, await session.start_transaction(**TRANSACTION):
                issued = await database[USER_SEQUENCES].find_one_and_update(
                    {"_id": user_id},
                    {"$inc": {"sequence": 1}},
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                    session=session,
                )
                assert issued is not None
                stamp = Stamp(str(uuid6.uuid7()), issued["sequence"], datetime.now(UTC))
                event = event_of(user_id, AddFilm(film, 7.5), None, stamp)
                assert event is not None
                await database[MOVIES].insert_one(movie_document(event), session=session)
                await database[OUTBOX].insert_one(outbox_documents([event])[0], session=session)

        yield write
