"""What one recomputation of a user's statistics costs, against the films in the user's list.

It is what a Spark worker does for each user and micro-batch: read the whole list and its films from MongoDB, compute,
write the document. The micro-batch design pays it in full for every change; that is where it stops scaling.
"""

from __future__ import annotations

import time
from statistics import median
from typing import Any, Final

from cinematch.adapters.mongodb_catalog import Catalog
from cinematch.adapters.mongodb_client import SyncDatabase
from cinematch.adapters.mongodb_user_stats import StoredLists, UserStatsView
from cinematch.adapters.mongodb_watchlists import Watchlists
from cinematch.domain.changes import AddFilm
from cinematch.domain.watchlist import Film
from ingestion.seeding.catalog import invented_catalog
from micro_batch.user_stats import UserStatsStores, refresh_user_stats

LIST_SIZES: Final = (50, 500, 10_000)
REPEATS: Final = 15


def films_per_user(database: SyncDatabase, seed: int) -> list[dict[str, Any]]:
    """Measure each size on the catalog of `seed`, which must be in the database."""
    stores = UserStatsStores(StoredLists(database.client, database.name), Catalog(database), UserStatsView(database))
    films = invented_catalog(seed)
    return [_measured(database, stores, list(films[:size])) for size in LIST_SIZES]


def _measured(database: SyncDatabase, stores: UserStatsStores, films: list[Film]) -> dict[str, Any]:
    user_id, lists = f"bench-list-{len(films)}", Watchlists(database)
    lists.add_many(user_id, [AddFilm(film, 5.0) for film in films])
    milliseconds = []
    for repeat in range(REPEATS):
        outcome = lists.change(user_id, AddFilm(films[0], 6 + repeat / 10))
        began = time.perf_counter()
        refresh_user_stats({user_id: outcome.sequence}, stores)
        milliseconds.append((time.perf_counter() - began) * 1000)
    return {"films": len(films), "median_ms": round(median(milliseconds), 1), "max_ms": round(max(milliseconds), 1)}
