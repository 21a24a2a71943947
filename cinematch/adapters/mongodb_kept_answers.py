"""Answers kept under the keys that clients chose: what a change that comes again is answered with.

They are kept in the transaction of their change. One user's keys say nothing to another.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from cinematch.adapters.mongodb_client import Document


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """The answer to a request, and a digest of what was asked: another request under the same key is a mistake."""

    fingerprint: str
    answer: Document


def kept_id(user_id: str, key: str) -> Document:
    """Give the `_id` under which an answer is kept: of two transactions that keep one key, the second fails."""
    return {"user_id": user_id, "key": key}


def kept_of(user_id: str) -> Document:
    """Find all answers that are kept of a user."""
    return {"_id": {"$gte": {"user_id": user_id}, "$lt": {"user_id": user_id + "\0"}}}


def kept_document(user_id: str, key: str, kept: KeptAnswer) -> Document:
    """Give the document of an answer that is kept from now on."""
    answer = {"fingerprint": kept.fingerprint, "answer": kept.answer}
    return {"_id": kept_id(user_id, key), **answer, "created_at": datetime.now(UTC)}


def read_kept(document: Document) -> KeptAnswer:
    """Give back the answer of a document."""
    return KeptAnswer(document["fingerprint"], document["answer"])
