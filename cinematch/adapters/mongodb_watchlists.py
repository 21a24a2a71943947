"""Watchlists in MongoDB: the sequence, the list and the outbox change in one transaction.

The commit protocol of a group of changes of one user, at snapshot isolation:

1. read the user's last sequence and the entries that the changes speak of;
2. decide which changes take effect; where none does, end here, having written nothing;
3. write the sequence, the entries and the outbox documents, and commit (majority, journaled).

Two transactions of one user both write that user's sequence, so one of them fails with a write conflict and starts
again at step 1: the changes of one user happen one after another, and the sequence has no gap. What is NOT guaranteed:
when StoreUnavailable is raised, the changes may have been committed. Asking for them again is harmless, for what has
already happened is no effective change.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final, TypeVar
from weakref import WeakValueDictionary

from pymongo import ASCENDING
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.client_session import ClientSession

from cinematch.adapters.mongodb_client import AsynchronousDatabase, SyncDatabase, translated
from cinematch.adapters.mongodb_kept_answers import KeptAnswer, KeptAnswers
from cinematch.adapters.mongodb_watchlist_plan import (
    TRANSACTION,
    Outcome,
    entries_of,
    movie_writes,
    outbox_documents,
    planned,
)
from cinematch.contracts.collections import MOVIES, OUTBOX, USER_SEQUENCES
from cinematch.contracts.movie_document import Document
from cinematch.domain.changes import AddFilm, Change
from cinematch.errors import StoreUnavailable

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
        """Add films to a user's list as `apply_many` does; running it again changes nothing."""
        return self.apply_many(user_id, entries)

    def _change_group(self, user_id: str, changes: Sequence[Change]) -> Outcome:
        with translated(), self._database.client.start_session() as session:
            return session.with_transaction(
                lambda transaction: self._attempt(transaction, user_id, changes), **TRANSACTION
            )

    def _attempt(self, session: ClientSession, user_id: str, changes: Sequence[Change]) -> Outcome:
        issued = self._sequences.find_one({"_id": user_id}, session=session)
        found = list(self._movies.find(entries_of(user_id, changes), session=session))
        outcome = planned(user_id, changes, issued, found)
        if outcome.events:
            sequence = {"$set": {"sequence": outcome.sequence}}
            self._sequences.update_one({"_id": user_id}, sequence, upsert=True, session=session)
            self._movies.bulk_write(movie_writes(outcome.events), session=session)
            self._outbox.insert_many(outbox_documents(outcome.events), session=session)
        return outcome


class AsyncWatchlists:
    """The lists for the API. Every call raises StoreUnavailable."""

    def __init__(self, database: AsynchronousDatabase) -> None:
        self._database = database
        self._movies = database[MOVIES]
        self._outbox = database[OUTBOX]
        self._sequences = database[USER_SEQUENCES]
        self._answers = KeptAnswers(database)
        # A line is kept for as long as somebody stands in it. It spares transactions that would only fail and start
        # again; that changes happen one after another is not its doing.
        self._lines: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def change(self, user_id: str, change: Change) -> Outcome:
        """Carry out one change."""
        return await self._transaction(user_id, lambda session: self._attempt(session, user_id, change))

    async def change_once(
        self, user_id: str, change: Change, key: str, answer: Callable[[Outcome], KeptAnswer]
    ) -> tuple[KeptAnswer, bool]:
        """Carry out one change, unless one was carried out under this key; give its answer, and whether it was kept.

        `answer` makes the answer of the outcome; it may be called more than once, and what it raises undoes the change
        and leaves the key free. The answer is kept in the transaction of the change, so there is never one alone.
        """
        return await self._transaction(
            user_id, lambda session: self._attempt_once(session, user_id, change, key, answer)
        )

    async def answer_to(self, user_id: str, key: str) -> KeptAnswer | None:
        """Give what was answered under this key; None when nothing was. It may be any moment now."""
        with translated():
            return await self._answers.find(user_id, key)

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

    @asynccontextmanager
    async def _turn(self, user_id: str) -> AsyncIterator[None]:
        """Let this process's changes of one user wait in line; the order of others' is the database's business."""
        lock = self._lines.setdefault(user_id, asyncio.Lock())
        try:
            async with asyncio.timeout(self._database.client.options.timeout):
                await lock.acquire()
        except TimeoutError:
            raise StoreUnavailable("mongodb", "the changes before this one take too long") from None
        try:
            yield
        finally:
            lock.release()

    async def _transaction(self, user_id: str, attempt: Callable[[AsyncClientSession], Awaitable[Result]]) -> Result:
        with translated():
            async with self._turn(user_id), self._database.client.start_session() as session:
                return await session.with_transaction(attempt, **TRANSACTION)

    async def _attempt_once(
        self,
        session: AsyncClientSession,
        user_id: str,
        change: Change,
        key: str,
        answer: Callable[[Outcome], KeptAnswer],
    ) -> tuple[KeptAnswer, bool]:
        known = await self._answers.find(user_id, key, session)
        if known is not None:
            return known, True
        fresh = answer(await self._attempt(session, user_id, change))
        await self._answers.keep(user_id, key, fresh, session)
        return fresh, False

    async def _attempt(self, session: AsyncClientSession, user_id: str, change: Change) -> Outcome:
        issued = await self._sequences.find_one({"_id": user_id}, session=session)
        found = await self._movies.find(entries_of(user_id, [change]), session=session).to_list()
        outcome = planned(user_id, [change], issued, found)
        if outcome.events:
            sequence = {"$set": {"sequence": outcome.sequence}}
            await self._sequences.update_one({"_id": user_id}, sequence, upsert=True, session=session)
            await self._movies.bulk_write(movie_writes(outcome.events), session=session)
            await self._outbox.insert_many(outbox_documents(outcome.events), session=session)
        return outcome
