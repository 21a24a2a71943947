"""A load of events beside a measurement: transactions of up to fifty additions each, at a fixed rate."""

from __future__ import annotations

import time
from typing import Final

from benchmarks.population import SEED
from cinematch.adapters.mongodb_client import connect
from cinematch.adapters.mongodb_watchlists import Watchlists
from cinematch.domain.changes import AddFilm
from cinematch.settings import Settings
from ingestion.seeding.catalog import invented_catalog

GROUP: Final = 50


def write(mongodb_url: str, rate: float, seconds: float) -> float:
    """Write `rate` events a second for `seconds` through the outbox; give the rate that was reached.

    A user takes one group a time, until the list has 500 films; then comes the next user.
    """
    films = invented_catalog(SEED)
    group = max(1, min(GROUP, round(rate / 10)))
    run, began, written = time.time_ns(), time.monotonic(), 0
    with connect(Settings(mongodb_url=mongodb_url)) as client:
        lists = Watchlists(client[Settings().mongodb_database])
        while time.monotonic() < began + seconds:
            place = written // 500, written % 500
            added = [AddFilm(film, 7.5) for film in films[place[1] : place[1] + group]]
            lists.add_many(f"load-{run}-{place[0]}", added)
            written += group
            time.sleep(max(0.0, began + written / rate - time.monotonic()))
    return written / (time.monotonic() - began)
