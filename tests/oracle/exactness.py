"""That everything is there and exact, when nothing disturbs any more."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, Final

import httpx

from cinematch.adapters.mongodb_outbox import Outbox
from tests.end_to_end.running_stack import (
    catalog_films,
    eventually,
    stats_equal_a_recomputation,
    trends_equal_a_recount,
)
from tests.oracle.client import Acknowledged, EventLogs, Reader

VIEW_SECONDS: Final = 60.0


def check_exact(client: httpx.Client, database: Any, users: Iterable[str], seconds: float) -> None:
    """Await each user's complete answer, and compare it with a replay; `user_stats` and the trends with a recount.

    All answers may take so many seconds together, then each view VIEW_SECONDS. Raises WrongAnswer, AssertionError.
    """
    reader = Reader(lambda: client, EventLogs(Outbox(database)), Acknowledged(), catalog_films(database))
    deadline = time.monotonic() + seconds
    for user_id in users:
        reader.read_complete(user_id, deadline)
    eventually(lambda: stats_equal_a_recomputation(database), "user_stats equal a recomputation", VIEW_SECONDS)
    eventually(lambda: trends_equal_a_recount(database), "the trends equal a recount", VIEW_SECONDS)
