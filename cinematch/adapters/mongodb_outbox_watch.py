"""What the outbox tells: events written, events that wait for the relay, and the first one after a moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from cinematch.adapters.mongodb_client import AsynchronousDatabase, Document, SyncDatabase, translated
from cinematch.adapters.mongodb_outbox import UNPUBLISHED_INDEX
from cinematch.contracts.collections import LEASES, OUTBOX

RATE_WINDOW: Final = timedelta(seconds=10)
COUNTED_EVENTS: Final = 100_000
"""Waiting events are counted up to here: a night without Kafka must not make a look expensive."""


@dataclass(frozen=True, slots=True)
class OutboxState:
    """per_second: events written, over RATE_WINDOW; waiting: at most COUNTED_EVENTS; waited_seconds: the oldest."""

    per_second: float
    waiting: int
    waited_seconds: float
    relay: str | None


class OutboxWatch:
    """Looks at the outbox. Raises StoreUnavailable."""

    def __init__(self, database: SyncDatabase, relay_lease: str) -> None:
        self._outbox = database[OUTBOX]
        self._leases = database[LEASES]
        self._relay_lease = relay_lease

    def state(self) -> OutboxState:
        """Look once; `relay` names the process that holds the lease."""
        with translated():
            now = datetime.now(UTC)
            written = self._outbox.count_documents({"_id": {"$gte": _first_id(now - RATE_WINDOW)}})
            waiting = next(self._outbox.aggregate(_WAITING, hint=UNPUBLISHED_INDEX), None)
            lease = self._leases.find_one({"_id": self._relay_lease, "$expr": {"$gte": ["$expires_at", "$$NOW"]}})
        return OutboxState(
            per_second=written / RATE_WINDOW.total_seconds(),
            waiting=waiting["events"] if waiting else 0,
            waited_seconds=max(0.0, (now - _written_at(waiting["oldest"])).total_seconds()) if waiting else 0.0,
            relay=lease["owner"] if lease else None,
        )


class AsyncOutboxWatch:
    """Looks at the outbox for the API."""

    def __init__(self, database: AsynchronousDatabase) -> None:
        self._outbox = database[OUTBOX]

    async def first_written_after(self, moment: datetime) -> datetime | None:
        """Give when the first event after `moment` was written; None when there is none. Raises StoreUnavailable."""
        with translated():
            found = await self._outbox.find_one({"_id": {"$gte": _first_id(moment)}}, {"_id": 1}, sort=[("_id", 1)])
        return None if found is None else _written_at(found["_id"])


_WAITING: Final[list[Document]] = [
    {"$match": {"published_at": None}},
    {"$limit": COUNTED_EVENTS},
    {"$group": {"_id": None, "events": {"$sum": 1}, "oldest": {"$min": "$_id"}}},
]


def _first_id(moment: datetime) -> str:
    """Give the smallest UUIDv7 of a moment: an event's id tells when it was written, its time when it happened."""
    return str(UUID(int=int(moment.timestamp() * 1000) << 80))


def _written_at(event_id: str) -> datetime:
    return datetime.fromtimestamp((UUID(event_id).int >> 80) / 1000, UTC)
