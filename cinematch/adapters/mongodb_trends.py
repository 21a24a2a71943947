"""The global trends in MongoDB: events counted into their state, and the one document that readers see.

A user's progress never steps over an event. Where the stream brings one that is not the next (the one before it was
damaged on its way and lies with the dead letters), the missing ones are read from the outbox, in which every event
stays for its retention after publication. So a letter that is redriven later finds its event counted.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Final

from pymongo import ASCENDING
from pymongo.client_session import ClientSession

from cinematch.adapters.mongodb_client import Document, SyncClient, translated
from cinematch.adapters.mongodb_trend_counts import TrendCounts, TrendState, in_transaction
from cinematch.contracts.collections import GLOBAL_PROGRESS, GLOBAL_STATS, OUTBOX, USER_SEQUENCES
from cinematch.contracts.event_codec import from_document
from cinematch.domain.events import Event
from cinematch.domain.trends import Hole, compared, holes, trend_increments
from cinematch.telemetry import get_logger

_TRENDS: Final = {"type": "global_trends"}
_COMPARED: Final = {"_id": 0, "updated_at": 1, "top_movies.movie_id": 1, "previous_top": 1, "compared_with": 1}
_log = get_logger(__name__)


class GlobalTrends:
    """Counts events, and publishes what the counts say."""

    def __init__(self, client: SyncClient, database: str) -> None:
        self._client = client
        self._published = client[database][GLOBAL_STATS]
        self._outbox = client[database][OUTBOX]
        self._progress = client[database][GLOBAL_PROGRESS]
        self._sequences = client[database][USER_SEQUENCES]
        self._counts = TrendCounts(client[database])

    def window_start(self) -> datetime | None:
        """Give the moment from which additions count; None before the bootstrap is complete."""
        with translated():
            found = self._published.find_one(_TRENDS, {"window_start": 1})
        return found.get("window_start") if found else None

    def count(self, events: Sequence[Event], window_start: datetime) -> int:
        """Count those events that are not counted yet, in one transaction; give their number. Raises StoreUnavailable.

        Events of one user come in the order of the log; what is missing between them is counted as well, from the
        outbox. What the outbox no longer has is stepped over, with an error in the log: only a new bootstrap counts it.
        What lies behind a hole and was never issued is no event, and is left out. A few thousand events make a good
        group.
        """

        def counted(session: ClientSession) -> int:
            progress = self._counts.progress({event.user_id for event in events}, session)
            new = [event for event in events if event.sequence > progress.get(event.user_id, 0)]
            if missing := holes(new, progress):
                new = self._without_holes(new, missing, session)
            if new:
                self._counts.apply(trend_increments(new, progress, window_start), session)
            return len(new)

        return in_transaction(self._client, counted)

    def behind(self, sequences: Mapping[str, int]) -> dict[str, int]:
        """Give, of these users, those who are not counted up to the sequence given, and how far they are.

        Raises StoreUnavailable.
        """
        progress = in_transaction(self._client, lambda session: self._counts.progress(sequences, session))
        counted = {user_id: progress.get(user_id, 0) for user_id in sequences}
        return {user_id: sequence for user_id, sequence in counted.items() if sequence < sequences[user_id]}

    def counted_up_to(self, user_id: str) -> int | None:
        """Give the user's last counted sequence; None when there is none, or no more. Raises StoreUnavailable."""
        with translated():
            found = self._progress.find_one({"_id": user_id})
        return found["sequence"] if found else None

    def forget(self, user_id: str, floor: int) -> int:
        """Remove a user's progress where it ends at the floor; give how many documents went. Raises StoreUnavailable.

        Later events, which have begun to be counted, keep it: then the user is back.
        """
        with translated():
            return self._progress.delete_one({"_id": user_id, "sequence": {"$lte": floor}}).deleted_count

    def publish(self, document: Callable[[TrendState], Document]) -> None:
        """Replace the published document by what `document` makes of the counts. Raises StoreUnavailable.

        The new one also says what its top films are compared with: the last ones of an earlier day (`compared`).
        Counts are read and the document is written in one transaction: of two at the same time, the one that has
        read the older counts has to read again, so the document never goes back.
        """
        in_transaction(self._client, lambda session: self._replace(document, session))

    def publish_first(self, document: Callable[[TrendState], Document]) -> None:
        """Publish as `publish` does, unless a document is there already. Raises StoreUnavailable."""

        def published(session: ClientSession) -> None:
            if self._published.find_one(_TRENDS, {"_id": 1}, session=session) is None:
                self._replace(document, session)

        in_transaction(self._client, published)

    def _without_holes(self, events: Sequence[Event], missing: Sequence[Hole], session: ClientSession) -> list[Event]:
        """Give the events in order with what the outbox has of the missing ones, and without those never issued."""
        found: list[Event] = []
        never_issued: dict[str, int] = {}
        for hole in missing:
            inside = self._events_in(hole, session)
            found += inside
            if len(inside) == hole.before - hole.after - 1:
                continue
            if self._issued(hole.user_id, session) < hole.before:
                never_issued.setdefault(hole.user_id, hole.before)
                _log.error("an event that was never issued is not counted in the trends", **asdict(hole))
            else:
                _log.error("events are missing in the trends: the outbox no longer has them", **asdict(hole))
        there = [event for event in (*events, *found) if event.sequence < never_issued.get(event.user_id, sys.maxsize)]
        return sorted(there, key=lambda event: (event.user_id, event.sequence))

    def _events_in(self, hole: Hole, session: ClientSession) -> list[Event]:
        inside = {"user_id": hole.user_id, "sequence": {"$gt": hole.after, "$lt": hole.before}}
        found = self._outbox.find(inside, sort=[("sequence", ASCENDING)], session=session)
        return [from_document(document) for document in found]

    def _issued(self, user_id: str, session: ClientSession) -> int:
        counter = self._sequences.find_one({"_id": user_id}, session=session)
        return counter["sequence"] if counter else 0

    def _replace(self, document: Callable[[TrendState], Document], session: ClientSession) -> None:
        published = self._published.find_one(_TRENDS, _COMPARED, session=session)
        with self._counts.state(session) as state:
            new = _TRENDS | document(state)
        new |= compared(published, datetime.fromisoformat(new["updated_at"]))
        self._published.replace_one(_TRENDS, new, upsert=True, session=session)
