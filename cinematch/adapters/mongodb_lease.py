"""A lease in MongoDB: at most one process does something at a time, and a dead one does not block the next for ever.

The database server's clock decides, so the clocks of the holders do not matter. What is NOT guaranteed: a holder that
was suspended for longer than the lease and wakes up may believe, until its next `renew`, that it still holds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from pymongo import ReturnDocument
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from cinematch.adapters.mongodb_client import translated
from cinematch.contracts.collections import LEASES

_NEVER_HELD: Final = datetime(1970, 1, 1, tzinfo=UTC)
HELD: Final = {"$expr": {"$gte": ["$expires_at", "$$NOW"]}}
"""Finds a lease that has not ended."""
_UNRESERVED: Final = {"$expr": {"$lt": [{"$ifNull": ["$reserved_until", _NEVER_HELD]}, "$$NOW"]}}


@dataclass(frozen=True, slots=True)
class Holding:
    """Who took a lease last and did not give it back; `renewed_at` by the server's clock."""

    owner: str
    renewed_at: datetime
    is_held: bool


class MongoLease:
    """The lease `name`, as `owner` sees it; it ends `duration_seconds` after the last `acquire` or `renew`."""

    def __init__(self, database: Database[dict[str, Any]], name: str, owner: str, duration_seconds: float) -> None:
        self.name = name
        self.owner = owner
        self.duration_seconds = duration_seconds
        self._leases = database[LEASES]

    def acquire(self, *, gives_way: bool = False) -> bool:
        """Take the lease unless another owner holds it; whether we hold it now. Raises StoreUnavailable.

        gives_way: also not while somebody has reserved it. Whoever takes it without that ends the reservation.
        """
        free: dict[str, Any] = {"$or": [{"owner": self.owner}, {"$expr": {"$lt": ["$expires_at", "$$NOW"]}}]}
        with translated():
            self._create()
            return self._take(free | _UNRESERVED) if gives_way else self._take(free, {"reserved_until": _NEVER_HELD})

    def reserve(self) -> None:
        """Let nobody who gives way take the lease before `duration_seconds` are over. Raises StoreUnavailable."""
        with translated():
            self._create()
            self._leases.update_one({"_id": self.name}, [{"$set": {"reserved_until": self._end()}}])

    def renew(self) -> bool:
        """Prolong the lease; False when another owner has taken it meanwhile. Raises StoreUnavailable."""
        with translated():
            return self._take({"owner": self.owner})

    def release(self) -> None:
        """Give the lease back; nothing happens when we do not hold it. Raises StoreUnavailable."""
        with translated():
            self._leases.update_one(
                {"_id": self.name, "owner": self.owner}, {"$set": {"owner": None, "expires_at": _NEVER_HELD}}
            )

    def holder(self) -> str | None:
        """Name the owner whose lease has not ended; None when it is free. Raises StoreUnavailable."""
        with translated():
            lease = self._leases.find_one({"_id": self.name, **HELD})
        return lease["owner"] if lease else None

    def last_holding(self) -> Holding | None:
        """Tell of the last holding, also when it has run out; None when it was given back. Raises StoreUnavailable."""
        held = {"$set": {"is_held": {"$gte": ["$expires_at", "$$NOW"]}}}
        with translated():
            found = next(self._leases.aggregate([{"$match": {"_id": self.name, "owner": {"$ne": None}}}, held]), None)
        return Holding(found["owner"], found["renewed_at"], found["is_held"]) if found else None

    def _create(self) -> None:
        try:
            free = {"owner": None, "expires_at": _NEVER_HELD}
            self._leases.update_one({"_id": self.name}, {"$setOnInsert": free}, upsert=True)
        except DuplicateKeyError:  # somebody else has just created it
            return

    def _take(self, condition: dict[str, Any], fields: Mapping[str, Any] = MappingProxyType({})) -> bool:
        taken = self._leases.find_one_and_update(
            {"_id": self.name} | condition,
            [{"$set": {"owner": self.owner, "renewed_at": "$$NOW", "expires_at": self._end(), **fields}}],
            return_document=ReturnDocument.AFTER,
        )
        return taken is not None

    def _end(self) -> dict[str, Any]:
        """Give when a lease of now ends, by the server's clock."""
        return {"$add": ["$$NOW", int(self.duration_seconds * 1000)]}
