"""Answers kept under the keys that clients chose: what a change that comes again is answered with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from pymongo.asynchronous.client_session import AsyncClientSession

from cinematch.adapters.mongodb_client import AsynchronousDatabase, Document
from cinematch.contracts.collections import IDEMPOTENCY_KEYS


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """The answer to a request, and a digest of what was asked: another request under the same key is a mistake."""

    fingerprint: str
    answer: Document


class KeptAnswers:
    """The keys of all users; one user's keys say nothing to another.

    The driver's errors pass as they are: some of them tell a transaction to start again. Who calls translates them.
    """

    def __init__(self, database: AsynchronousDatabase) -> None:
        self._kept = database[IDEMPOTENCY_KEYS]

    async def find(self, user_id: str, key: str, session: AsyncClientSession | None = None) -> KeptAnswer | None:
        """Give what is kept under the key; None when it is new, or so old that it is forgotten."""
        found = await self._kept.find_one({"_id": _id(user_id, key)}, session=session)
        return KeptAnswer(found["fingerprint"], found["answer"]) if found else None

    async def keep(self, user_id: str, key: str, kept: KeptAnswer, session: AsyncClientSession) -> None:
        """Keep an answer in the transaction of its change.

        Of two transactions that keep one key, the second meets a write conflict and starts again, whatever process it
        is in: then it finds the answer.
        """
        document = {"_id": _id(user_id, key), "fingerprint": kept.fingerprint, "answer": kept.answer}
        await self._kept.insert_one({**document, "created_at": datetime.now(UTC)}, session=session)


def _id(user_id: str, key: str) -> Document:
    return {"user_id": user_id, "key": key}
