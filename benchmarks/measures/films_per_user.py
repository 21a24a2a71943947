"""One change of one list, ADD and DELETE in turns, with 50, 500 and 10,000 films in the list; processing alone, without
streams and waiting. The micro-batch design recomputes: read the whole list and its films from MongoDB, compute, write
the document (the function that its Spark workers call). The Lambda design applies the event to Redis (the function that
the speed layer calls). Nothing is recomputed while events are applied: behind a second of that, caches are cold,
and an event took two to four times as long.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from benchmarks.population import SEED, load_catalog
from benchmarks.rows import Bound, Curve, Findings, Goal, alone, compared
from benchmarks.servers import servers
from cinematch.adapters import mongodb_client, redis_client
from cinematch.adapters.mongodb_client import SyncDatabase
from cinematch.adapters.mongodb_watchlist_plan import Outcome
from cinematch.adapters.mongodb_watchlists import Watchlists
from cinematch.adapters.redis_speed_view import RedisSpeedView
from cinematch.domain.changes import AddFilm, Change, RemoveFilm
from ingestion.seeding.catalog import invented_catalog
from micro_batch.user_stats import UserStatsStores, refresh_user_stats

TITLE: Final = "The design's claim: O(n) against O(1)"
LIMIT: Final = "The recomputation reads the list, so its cost grows with it. Applying an event does not know the list."
SECONDS: Final = (60.0, 180.0)
LIST_SIZES: Final = (50, 500, 10_000)
IDLE_SECONDS: Final = 3_600.0
STAYS: Final = Goal(Bound.AT_MOST, 2.0, of_ratio=False)


@dataclass(frozen=True, slots=True)
class _Stores:
    lists: Watchlists
    recomputation: UserStatsStores
    speed: RedisSpeedView


def measure(quick: bool) -> Findings:
    """Measure each size."""
    repeats = 6 if quick else 40
    with servers("mongodb", "redis") as running, mongodb_client.connect(running.settings) as client:
        database = client[running.settings.mongodb_database]
        load_catalog(database)
        stores = _stores(database, RedisSpeedView(redis_client.connect(running.settings), IDLE_SECONDS))
        findings = Findings()
        for size in LIST_SIZES:
            for kind, times in _times(stores, size, repeats).items():
                name = f"{kind} in a list of {size:,} films, micro-batch beside Lambda"
                findings.rows.append(compared(name, "ms", *times))
    _conclude(findings)
    return findings


def _conclude(findings: Findings) -> None:
    adds = [row for row in findings.rows if row.measure.startswith("ADD")]
    for label, costs in (
        ("micro-batch: recomputation", [row.ours for row in adds]),
        ("Lambda: applying the event", [row.beside or 0.0 for row in adds]),
    ):
        findings.curves.append(Curve("films", label, tuple(map(float, LIST_SIZES)), tuple(costs)))
        growth = costs[-1] / costs[0]
        goal = STAYS if label.startswith("Lambda") else None
        findings.rows.append(alone(f"{label}, cost with 10,000 films / with 50", "times", [growth], goal))


def _stores(database: SyncDatabase, speed: RedisSpeedView) -> _Stores:
    return _Stores(Watchlists(database), UserStatsStores.of(database.client, database.name), speed)


def _times(stores: _Stores, size: int, repeats: int) -> dict[str, tuple[list[float], list[float]]]:
    """Give the milliseconds of both designs by kind of change; the first of each is left out."""
    user_id = f"bench-list-{size}"
    films = invented_catalog(SEED)
    stores.lists.add_many(user_id, [AddFilm(film, 5.0) for film in films[:size]])
    extra = films[size + 1]
    changes: dict[str, Change] = {"ADD": AddFilm(extra, 7.5), "DELETE": RemoveFilm(extra.movie_id)}
    applied = _in_turns(stores, user_id, changes, repeats, lambda it: stores.speed.apply({user_id: it.events}))
    recomputed = _in_turns(
        stores,
        user_id,
        changes,
        repeats,
        lambda it: refresh_user_stats({user_id: it.sequence}, stores.recomputation),
    )
    return {kind: (recomputed[kind], applied[kind]) for kind in changes}


def _in_turns(
    stores: _Stores, user_id: str, changes: Mapping[str, Change], repeats: int, process: Callable[[Outcome], object]
) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {kind: [] for kind in changes}
    for _ in range(repeats + 1):
        for kind, change in changes.items():
            outcome = stores.lists.change(user_id, change)
            times[kind].append(_timed(partial(process, outcome)))
    return {kind: taken[1:] for kind, taken in times.items()}


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000
