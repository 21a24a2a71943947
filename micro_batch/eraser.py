"""Erasure in the micro-batch views: `user_stats`, and the user's share of the global trends."""

from __future__ import annotations

from typing import Final

from cinematch.adapters.mongodb_client import SyncClient, connect
from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.adapters.mongodb_trends import GlobalTrends
from cinematch.adapters.mongodb_user_stats import UserStatsView
from cinematch.contracts.collections import GLOBAL_PROGRESS, USER_STATS
from cinematch.contracts.erasure import Erasure, Removed
from cinematch.settings import Settings

WAITS_FOR_BOOTSTRAP: Final = "the first count of the trends, which is under way"


class MicroBatchEraser:
    """Counts what of the user's events the trends have not counted yet: the last of them remove every film.

    So the trends lose exactly what they had of this user, as if every film had been taken out by hand. Needs the events
    in the outbox, so it comes before they go.
    """

    def __init__(self, client: SyncClient, database: str) -> None:
        self._trends = GlobalTrends(client, database)
        self._outbox = Outbox(client[database])
        self._view = UserStatsView(client[database])

    def erase(self, erasure: Erasure) -> Removed:
        """Remove the documents; see `Eraser`."""
        counts = {USER_STATS: self._view.forget({erasure.subject: erasure.floor})}
        counted = self._trends.counted_up_to(erasure.subject)
        if counted is None:  # not one event was ever counted: the tombstone keeps the stream from beginning
            return Removed(counts)
        window_start = self._trends.window_start()
        if window_start is None:
            return Removed(counts, WAITS_FOR_BOOTSTRAP)
        later = self._outbox.events_after(erasure.subject, counted)
        if due := [event for event in later if event.sequence <= erasure.floor]:
            self._trends.count(due, window_start)
        return Removed(counts | {GLOBAL_PROGRESS: self._trends.forget(erasure.subject, erasure.floor)})


def eraser(settings: Settings) -> MicroBatchEraser:
    """Give the eraser of this layer (entry point `cinematch.erasers`)."""
    return MicroBatchEraser(connect(settings), settings.mongodb_database)
