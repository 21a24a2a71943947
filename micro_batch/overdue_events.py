"""Looks after events that Kafka had and the views do not: lost by a broker, or damaged on their way.

A user's next event would bring them along, but there may be none for long. So whatever was published a while ago is
looked up in both views, and what they lack is brought from MongoDB, where it was written first.

The protocol of one step; a crash in between repeats it, which changes nothing:
1. find the users of whom events were published since the last step, until PATIENCE ago;
2. have the statistics of those whose document is older computed again, and the events that the trends lack counted;
3. publish the trends, and save the moment up to which was looked.

Not guaranteed: what the outbox no longer has (OUTBOX_RETENTION_DAYS), and what a relay with a wrong clock published.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from typing import Final

from cinematch.adapters.mongodb_client import SyncClient
from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.adapters.mongodb_resume_place import ResumePlace
from cinematch.adapters.mongodb_trends import GlobalTrends
from cinematch.contracts.collections import MICRO_BATCH_PLACES
from cinematch.errors import StoreUnavailable
from cinematch.telemetry import get_logger
from micro_batch.global_trends_stream import CHUNK_EVENTS, publish_trends
from micro_batch.user_stats import CHUNK_USERS, UserStatsStores, refresh_user_stats

PLACE: Final = "overdue_events"
PERIOD_SECONDS: Final = 15.0
PATIENCE: Final = timedelta(seconds=90)
"""Twice what the slower stream takes between two micro-batches, and some: nobody does the streams' work for them."""
FIRST_LOOK: Final = timedelta(days=1)
"""How far back the first step looks, which knows of none before it."""
log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OverdueStores:
    """What is looked at and mended."""

    outbox: Outbox
    user_stats: UserStatsStores
    trends: GlobalTrends
    place: ResumePlace

    @classmethod
    def of(cls, client: SyncClient, database: str) -> OverdueStores:
        """Give the stores of that database."""
        place = ResumePlace(client[database], MICRO_BATCH_PLACES, PLACE)
        user_stats = UserStatsStores.of(client, database)
        return cls(Outbox(client[database]), user_stats, GlobalTrends(client, database), place)


class OverdueEvents:
    """Brings overdue events into both views; for one thread. Two of them at once do the same work twice, no harm."""

    def __init__(self, stores: OverdueStores, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._stores = stores
        self._clock = clock
        self._is_counted_unseen = True  # the one before us may have been killed between counting and publishing

    def run(self, stop: threading.Event) -> None:
        """Work until `stop`; while MongoDB is away, wait for it."""
        while not stop.wait(PERIOD_SECONDS):
            try:
                self.step()
            except StoreUnavailable as error:
                log.warning("overdue events are not looked for", reason=str(error))

    def step(self) -> int:
        """Look once; give how many users lacked something. Raises StoreUnavailable."""
        until = self._clock() - PATIENCE
        place = self._stores.place.saved()
        published = self._stores.outbox.published_sequences(place["until"] if place else until - FIRST_LOOK, until)
        users = sum(map(self._mend, _chunks(published)))
        self._publish()
        self._stores.place.save({"until": until})
        return users

    def _mend(self, published: Mapping[str, int]) -> int:
        stale = self._stores.user_stats.view.behind(published)
        if stale:
            refresh_user_stats(dict.fromkeys(stale, 0), self._stores.user_stats)
        uncounted = self._stores.trends.behind(published)
        if uncounted:
            self._count(uncounted)
        users = {*stale, *uncounted}
        if users:
            log.warning("events were overdue in the views", users=len(users), first=min(users))
        return len(users)

    def _count(self, progress: Mapping[str, int]) -> None:
        window_start = self._stores.trends.window_start()
        if window_start is None:
            return  # the bootstrap counts them
        self._is_counted_unseen = True
        lacking = (self._stores.outbox.events_after(user_id, sequence) for user_id, sequence in progress.items())
        events = chain.from_iterable(lacking)
        while group := list(islice(events, CHUNK_EVENTS)):  # few transactions, for the stream counts beside us
            self._stores.trends.count(group, window_start)

    def _publish(self) -> None:
        window_start = self._stores.trends.window_start()
        if self._is_counted_unseen and window_start is not None:
            publish_trends(self._stores.trends, window_start)
            self._is_counted_unseen = False


def _chunks(published: Iterator[tuple[str, int]]) -> Iterator[dict[str, int]]:
    while chunk := dict(islice(published, CHUNK_USERS)):
        yield chunk
