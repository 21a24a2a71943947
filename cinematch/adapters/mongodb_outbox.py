"""The outbox in MongoDB: every event as it was written with the list, kept until its retention after publication."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from pymongo import ASCENDING, UpdateMany
from pymongo.read_concern import ReadConcern

from cinematch.adapters.mongodb_client import Document, SyncDatabase, translated
from cinematch.contracts.collections import OUTBOX
from cinematch.contracts.event_codec import from_document
from cinematch.contracts.missing_events import Gap
from cinematch.domain.events import Event

UNPUBLISHED_INDEX: Final = "unpublished"
_MAJORITY: Final = ReadConcern("majority")
"""Only what cannot be rolled back any more may reach other stores."""


class Outbox:
    """The outbox. Every call raises StoreUnavailable."""

    def __init__(self, database: SyncDatabase) -> None:
        self._events = database.get_collection(OUTBOX, read_concern=_MAJORITY)

    def events_after(self, user_id: str, sequence: int) -> list[Event]:
        """Give the user's events after `sequence`, in order, up to the first that has left the outbox."""
        with translated():
            return _without_gap(sequence, self._events.find(_after(user_id, sequence), sort=[("sequence", ASCENDING)]))

    def kept_after(self, user_id: str, sequence: int) -> list[Event]:
        """Give those of the user's events after `sequence` that are still there, in order, whatever is missing."""
        with translated():
            found = self._events.find(_after(user_id, sequence), sort=[("sequence", ASCENDING)])
            return [from_document(document) for document in found]

    def ids_at(self, sequences: Mapping[str, int]) -> dict[str, str]:
        """Give the id of the event that each user has under that sequence, of those that are still there."""
        places = [{"user_id": user_id, "sequence": sequence} for user_id, sequence in sequences.items()]
        if not places:
            return {}
        with translated():
            return {it["user_id"]: it["_id"] for it in self._events.find({"$or": places}, {"user_id": 1})}

    def unpublished(self) -> Iterator[Event]:
        """Give what is not marked as published, each user's events in order; read while it is consumed."""
        order = [("user_id", ASCENDING), ("sequence", ASCENDING)]
        with translated():
            # The planner would take the index of all events, which gives the same order.
            for document in self._events.find({"published_at": None}, sort=order, hint=UNPUBLISHED_INDEX):
                yield from_document(document)

    def published_sequences(self, after: datetime, until: datetime) -> Iterator[tuple[str, int]]:
        """Give each user of whom events were published after one moment, until another, and the last sequence of them.

        Moments are those of the relay's clock; read while it is consumed.
        """
        stages: list[Document] = [
            {"$match": {"published_at": {"$gt": after, "$lte": until}}},
            {"$group": {"_id": "$user_id", "sequence": {"$max": "$sequence"}}},
        ]
        with translated():
            for document in self._events.aggregate(stages):
                yield document["_id"], document["sequence"]

    def mark_published(self, events: Sequence[Event]) -> None:
        """Mark events as published now; those that are marked keep their time."""
        condition = {"_id": {"$in": [event.event_id for event in events]}, "published_at": None}
        with translated():
            self._events.update_many(condition, {"$set": {"published_at": datetime.now(UTC)}})

    def publish_again(self, missing: Mapping[str, Sequence[Gap]]) -> int:
        """Take the mark from what was published of these users' gaps: the relay's next sweep sends it; how many."""
        updates = [
            UpdateMany(
                {"user_id": user_id, "sequence": {"$gte": gap.first, "$lte": gap.last}, "published_at": {"$ne": None}},
                {"$set": {"published_at": None}},
            )
            for user_id, user_gaps in missing.items()
            for gap in user_gaps
        ]
        if not updates:
            return 0
        with translated():
            return self._events.bulk_write(updates, ordered=False).modified_count

    def forget(self, user_id: str, floor: int) -> tuple[int, int]:
        """Remove a user's events up to the floor that are published; give how many went, and how many are left."""
        old = {"user_id": user_id, "sequence": {"$lte": floor}}
        with translated():
            removed = self._events.delete_many({**old, "published_at": {"$ne": None}}).deleted_count
            return removed, self._events.count_documents(old)


def _after(user_id: str, sequence: int) -> Document:
    return {"user_id": user_id, "sequence": {"$gt": sequence}}


def _without_gap(sequence: int, documents: Iterable[Document]) -> list[Event]:
    events: list[Event] = []
    for document in documents:
        if document["sequence"] != sequence + 1 + len(events):
            break
        events.append(from_document(document))
    return events
