"""Follows the catalog: whoever has a film whose entry was changed gets their statistics computed again.

An event brings its own user up to date, but a corrected runtime or cast concerns everybody who has the film, and no
event tells of it. So that `user_stats` agrees with the other views, these users are refreshed within seconds.

The protocol of one step; a crash in between repeats it, which changes nothing:
1. take the films that were changed from the catalog's change stream;
2. find the users whose lists hold one of them, and recompute their statistics, as an event would have;
3. save the place in the change stream.

Without a saved place (the first start, or a pause that the oplog does not reach back over) everybody is recomputed. A
result computed with the older catalog never replaces one with the newer: see UserStatsView.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final

from cinematch.adapters.mongodb_catalog_feed import CatalogFeed, open_catalog_feed
from cinematch.adapters.mongodb_client import SyncDatabase
from cinematch.errors import StoreUnavailable
from cinematch.telemetry import get_logger
from micro_batch.user_stats import CHUNK_USERS, UserStatsStores, refresh_user_stats

FOLLOWER: Final = "user_stats"
RETRY_SECONDS: Final = 2.0
SAVE_SECONDS: Final = 60.0
"""Between two marks of a place at which nothing happens, so that the oplog still reaches back to it."""
log = get_logger(__name__)


class CatalogFollower:
    """Keeps `user_stats` true to the catalog; for one thread. Two of them at once do the same work twice, no harm."""

    def __init__(
        self, database: SyncDatabase, stores: UserStatsStores, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._stores = stores
        self._clock = clock
        self._saved_at = clock()

    def run(self, stop: threading.Event) -> None:
        """Work until `stop`; while MongoDB is away, wait for it."""
        while not stop.is_set():
            try:
                with open_catalog_feed(self._database, FOLLOWER) as feed:
                    self.catch_up(feed)
                    while not stop.is_set():
                        self.step(feed)
            except StoreUnavailable as error:
                log.warning("the catalog's follower waits", reason=str(error))
                stop.wait(RETRY_SECONDS)

    def catch_up(self, feed: CatalogFeed) -> None:
        """Make sure that what was changed before this feed is in everybody's statistics. Raises StoreUnavailable."""
        if feed.is_resumed:
            return
        users = self._refresh(self._stores.view.users())
        self._save(feed)
        if users:
            log.info("user statistics were computed again: the catalog may have changed unseen", users=users)

    def step(self, feed: CatalogFeed) -> None:
        """Wait for changed films a moment, and refresh whoever has one. Raises StoreUnavailable."""
        films = feed.changed_films()
        if not films:
            if self._clock() - self._saved_at >= SAVE_SECONDS:
                self._save(feed)
            return
        users = self._refresh(self._stores.lists.users_with(films))
        self._save(feed)
        log.info("the catalog was changed", films=len(films), users_refreshed=users)

    def _save(self, feed: CatalogFeed) -> None:
        feed.save()
        self._saved_at = self._clock()

    def _refresh(self, user_ids: Iterable[str]) -> int:
        refreshed = 0
        for chunk in _chunks(user_ids):
            refresh_user_stats(dict.fromkeys(chunk, 0), self._stores)
            refreshed += len(chunk)
        return refreshed


def _chunks(user_ids: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(user_ids)
    while chunk := list(islice(rest, CHUNK_USERS)):
        yield chunk
