"""Tombstones in MongoDB, and the transaction that makes one; see contracts/erasure.py."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from pymongo import ASCENDING
from pymongo.client_session import ClientSession

from cinematch.adapters.mongodb_client import Document, SyncDatabase, translated
from cinematch.adapters.mongodb_kept_answers import kept_of
from cinematch.adapters.mongodb_watchlist_plan import TRANSACTION
from cinematch.contracts.collections import (
    ERASURES,
    IDEMPOTENCY_KEYS,
    MOVIES,
    SPEED_REPAIRS,
    USER_SEQUENCES,
    USER_STATS,
)
from cinematch.contracts.erasure import Erasure, Removed, user_digest

BURIAL: Final = "list"
"""The step that is done when the tombstone is there."""


class Erasures:
    """The tombstones of one database. Every call raises StoreUnavailable."""

    def __init__(self, database: SyncDatabase) -> None:
        self._database = database
        self._tombstones = database[ERASURES]

    def floors(self, user_ids: Iterable[str], session: ClientSession | None = None) -> dict[str, int]:
        """Give the floor of those users that have one."""
        users = {user_digest(user_id): user_id for user_id in user_ids}
        if not users:
            return {}
        with translated():
            found = self._tombstones.find({"_id": {"$in": sorted(users)}}, {"floor": 1}, session=session)
            return {users[tombstone["_id"]]: tombstone["floor"] for tombstone in found}

    def bury(self, user_id: str, floor: int = 0) -> Erasure | None:
        """Put a tombstone in place of the user, in one transaction; None while the list is not empty.

        Counter, kept answers, statistics and requests go with it, so no reader finds the user any more. A user without
        a counter has nothing to bury: then the tombstone is given that is there (None again: there never was one).
        floor: at least this is the tombstone's, also of a user without a counter.
        """
        with translated(), self._database.client.start_session() as session:
            buried = session.with_transaction(lambda it: self._bury(it, user_id, floor), **TRANSACTION)
        return self.of(user_id) if buried else None

    def of(self, user_id: str) -> Erasure | None:
        """Give the tombstone of a user."""
        with translated():
            found = self._tombstones.find_one({"_id": user_digest(user_id)})
        return _erasure(found) if found else None

    def open(self) -> list[Erasure]:
        """Give the erasures that are not finished, oldest first."""
        with translated():
            found = self._tombstones.find({"user_id": {"$exists": True}}, sort=[("erased_at", ASCENDING)])
            return [_erasure(tombstone) for tombstone in found]

    def record(self, erasure: Erasure, step: str, removed: Removed) -> None:
        """Add what an attempt of a step removed; nothing happens when the user was erased again meanwhile."""
        now = datetime.now(UTC)
        done = {f"steps.{step}.done_at": now} if removed.waits_for is None else {}
        update: Document = {
            "$set": {
                f"steps.{step}.waits_for": removed.waits_for,
                f"steps.{step}.tried_at": now,
                **done,
                **{f"notes.{name}": note for name, note in removed.notes.items()},
            }
        }
        if removed.counts:
            update["$inc"] = {f"steps.{step}.removed.{place}": count for place, count in removed.counts.items()}
        with translated():
            self._tombstones.update_one({"_id": erasure.digest, "floor": erasure.floor}, update)

    def finish(self, erasure: Erasure) -> None:
        """Forget the user's id: every step is done."""
        update = {"$unset": {"user_id": "", "notes": ""}, "$set": {"finished_at": datetime.now(UTC)}}
        with translated():
            self._tombstones.update_one({"_id": erasure.digest, "floor": erasure.floor}, update)

    def _bury(self, session: ClientSession, user_id: str, floor: int) -> bool:
        if self._database[MOVIES].find_one({"user_id": user_id}, {"_id": 1}, session=session):
            return False
        counter = self._database[USER_SEQUENCES].find_one_and_delete({"_id": user_id}, session=session)
        if counter is None and floor <= floor_of(self._database, user_id, session):
            return True
        now = datetime.now(UTC)
        removed: dict[str, Document] = {
            IDEMPOTENCY_KEYS: kept_of(user_id),
            USER_STATS: {"_id": user_id},
            SPEED_REPAIRS: {"_id": user_id},
        }
        counts = {
            name: self._database[name].delete_many(condition, session=session).deleted_count
            for name, condition in removed.items()
        }
        counts[USER_SEQUENCES] = 1 if counter else 0
        tombstone = {
            "floor": max(counter["sequence"] if counter else 0, floor),
            "erased_at": now,
            "user_id": user_id,
            "steps": {BURIAL: {"removed": counts, "done_at": now, "waits_for": None}},
        }
        digest = {"_id": user_digest(user_id)}
        self._tombstones.replace_one(digest, tombstone, upsert=True, session=session)
        return True


def floor_of(database: SyncDatabase, user_id: str, session: ClientSession) -> int:
    """Give the floor of a user in a transaction; 0 without one. The driver's errors pass as they are."""
    found = database[ERASURES].find_one({"_id": user_digest(user_id)}, {"floor": 1}, session=session)
    return int(found["floor"]) if found else 0


def _erasure(tombstone: Document) -> Erasure:
    return Erasure(
        digest=tombstone["_id"],
        floor=tombstone["floor"],
        erased_at=tombstone["erased_at"],
        user_id=tombstone.get("user_id"),
        steps=tombstone.get("steps", {}),
        notes=tombstone.get("notes", {}),
        finished_at=tombstone.get("finished_at"),
    )
