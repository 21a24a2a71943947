"""The bootstrap of the global trends: once ever, before the stream starts."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Final

from cinematch.adapters.mongodb_trends import GlobalTrends
from cinematch.adapters.mongodb_trends_bootstrap import TrendsBootstrap
from cinematch.domain.events import to_milliseconds
from cinematch.domain.trends import WINDOW
from cinematch.telemetry import get_logger
from micro_batch.trends_document import Source, trends_document

PROGRESS_SECONDS: Final = 5.0
log = get_logger(__name__)


def bootstrap_global_stats(
    trends: GlobalTrends, bootstrap: TrendsBootstrap, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> datetime:
    """Count the additions of the last 30 days from the lists, publish them, and give the window's start.

    Happens once: when the document is there, nothing is read but its window. A bootstrap that was cut off goes on with
    the window it began with; several at once share the work, and each returns only when the document is there. Until
    then readers see none. Raises StoreUnavailable.
    """
    published = trends.window_start()
    if published is not None:
        return published
    window_start = bootstrap.begin(to_milliseconds(now() - WINDOW))
    _count_all(bootstrap)
    trends.publish_first(partial(trends_document, source=Source.BOOTSTRAP, window_start=window_start, now=now()))
    log.info("global trends are bootstrapped", window_start=window_start.isoformat())
    return window_start


def _count_all(bootstrap: TrendsBootstrap) -> None:
    users, done = bootstrap.users(), 0
    reported = time.monotonic()
    while (counted := bootstrap.count_range()) is not None:
        done += counted
        if time.monotonic() - reported >= PROGRESS_SECONDS:
            reported = time.monotonic()
            log.info("global trends: counting the lists", users_done=done, users=users)
