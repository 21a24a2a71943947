"""Watchlists in MongoDB: the sequence, the list and the outbox change in one transaction.

The commit protocol of a group of changes of one user, at snapshot isolation (mongodb_change_groups has that of the API,
for single changes of many users):

1. read the user's last sequence and the entries that the changes speak of;
2. decide which changes take effect; where none does, end here, having written nothing;
3. write the sequence, the entries and the outbox documents, and commit (majority, journaled).

Two transactions of one user both write that user's sequence, so one of them fails with a write conflict and starts
again at step 1: the changes of one user happen one after another, and the sequence has no gap. What is NOT guaranteed:
when StoreUnavailable is raised, the changes may have been committed. Asking for them again is harmless, for what has
already happened is no effective change.

Events that are put back take step 3 alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from pymongo import ASCENDING
from pymongo.client_session import ClientSession
from pymongo.errors import BulkWriteError
from pymongo.results import BulkWriteResult

from cinematch.adapters.mongodb_client import AsynchronousDatabase, SyncDatabase, only_duplicates, translated
from cinematch.adapters.mongodb_erasures import floor_of
from cinematch.adapters.mongodb_watchlist_plan import (
    TRANSACTION,
    Outcome,
    entries_of,
    first_of,
    movie_writes,
    outbox_documents,
    planned,
)
from cinematch.contracts.collections import MOVIES, OUTBOX, USER_SEQUENCES
from cinematch.contracts.movie_document import Document
from cinematch.domain.changes import AddFilm, Change
from cinematch.domain.events import Event
from cinematch.errors import Conflict

Result = TypeVar("Result")

GROUP_CHANGES: Final = 500
"""Changes in one transaction: enough to make its cost vanish, few enough to keep it short."""
_AFTER_EVERY_CHARACTER: Final = "\U0010ffff"


class Watchlists:
    """The lists for layers that may block."""

    def __init__(self, database: SyncDatabase) -> None:
        self._database = database
        self._movies = database[MOVIES]
        self._outbox = database[OUTBOX]
        self._sequences = database[USER_SEQUENCES]

    def change(self, user_id: str, change: Change) -> Outcome:
        """Carry out one change. Raises StoreUnavailable."""
        return self._change_group(user_id, [change])

    def apply_many(self, user_id: str, changes: Sequence[Change]) -> int:
        """Carry out a user's changes in order, in groups; give how many took effect. Raises StoreUnavailable.

        Each group is atomic, the whole is not: after an error, or a kill, a beginning of `changes` is done. Doing all
        of them again then adds what is missing, provided that each film is added or rated once only.
        """
        groups = (changes[start : start + GROUP_CHANGES] for start in range(0, len(changes), GROUP_CHANGES))
        return sum(len(self._change_group(user_id, group).events) for group in groups)

    def add_many(self, user_id: str, entries: Sequence[AddFilm]) -> int:
        """Add films to a user's list as `apply_many` does; run again, it changes only what was changed since."""
        return self.apply_many(user_id, entries)

    def put_back(self, user_id: str, events: Sequence[Event]) -> None:
        """Carry out a group of a user's events once more, as they were, behind those that this database knows.

        For a database that was put back to an older state: list, counter and outbox become what they were after these
        events, which the relay publishes again. Raises StoreUnavailable, and Conflict where it can be seen that the
        counter is another one, or that counter, list and outbox are not of one moment; then nothing was done.
        """
        try:
            self._in_transaction(lambda session: self._attempt_to_put_back(session, user_id, events))
        except BulkWriteError as error:
            if not only_duplicates(error):
                raise
            raise _not_of_one_moment(user_id) from error

    def films_of(self, user_id: str, limit: int) -> list[str]:
        """Give the ids of up to `limit` films of a user's list. Raises StoreUnavailable."""
        with translated():
            found = self._movies.find({"user_id": user_id}, {"movie_id": 1}, limit=limit)
            return [movie["movie_id"] for movie in found]

    def _change_group(self, user_id: str, changes: Sequence[Change]) -> Outcome:
        return self._in_transaction(lambda session: self._attempt(session, user_id, changes))

    def _in_transaction(self, attempt: Callable[[ClientSession], Result]) -> Result:
        with translated(), self._database.client.start_session() as session:
            return session.with_transaction(attempt, **TRANSACTION)

    def _attempt(self, session: ClientSession, user_id: str, changes: Sequence[Change]) -> Outcome:
        issued = self._issued(session, user_id)
        found = list(self._movies.find(entries_of(user_id, changes), session=session))
        outcome = planned(user_id, changes, issued, found)
        if outcome.events:
            self._write(session, issued, outcome.events)
        return outcome

    def _attempt_to_put_back(self, session: ClientSession, user_id: str, events: Sequence[Event]) -> None:
        issued = self._issued(session, user_id)
        if issued["sequence"] + 1 != events[0].sequence:
            raise Conflict(f"user {user_id!r}: somebody changes the list meanwhile")
        written = self._write(session, issued, events)
        if written.inserted_count + written.matched_count + written.deleted_count != len(events):
            raise _not_of_one_moment(user_id)

    def _issued(self, session: ClientSession, user_id: str) -> Document:
        return self._sequences.find_one({"_id": user_id}, session=session) or first_of(
            user_id, floor_of(self._database, user_id, session)
        )

    def _write(self, session: ClientSession, issued: Document, events: Sequence[Event]) -> BulkWriteResult:
        counter = {"$set": issued | {"sequence": events[-1].sequence}}
        self._sequences.update_one({"_id": issued["_id"]}, counter, upsert=True, session=session)
        self._outbox.insert_many(outbox_documents(events), session=session)
        return self._movies.bulk_write(movie_writes(events), session=session)


class AsyncWatchlists:
    """The lists for the API, to read; changes go by `mongodb_change_groups`. Every call raises StoreUnavailable."""

    def __init__(self, database: AsynchronousDatabase) -> None:
        self._movies = database[MOVIES]
        self._sequences = database[USER_SEQUENCES]

    async def page(self, user_id: str, after: str | None, limit: int) -> list[Document]:
        """Give up to `limit` documents of the user's list by movie_id, those behind `after`."""
        behind = {} if after is None else {"movie_id": {"$gt": after}}
        with translated():
            found = self._movies.find({"user_id": user_id, **behind}, {"_id": 0}, limit=limit)
            return await found.sort("movie_id", ASCENDING).to_list()

    async def users(self, prefix: str, after: str | None, limit: int) -> list[Document]:
        """Give up to `limit` users {_id, sequence} whose id begins with `prefix`, by id, those behind `after`."""
        bounds = {"$gte": prefix, "$lt": prefix + _AFTER_EVERY_CHARACTER} if prefix else {}
        behind = {} if after is None else {"$gt": after}
        condition: Document = {"_id": bounds | behind} if bounds or behind else {}
        with translated():
            return await self._sequences.find(condition, limit=limit).sort("_id", ASCENDING).to_list()


def _not_of_one_moment(user_id: str) -> Conflict:
    return Conflict(f"user {user_id!r}: counter, list and outbox are not of one moment")
