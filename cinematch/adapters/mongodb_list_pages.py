"""Every user's list as MongoDB has it now, in pages of users that are read independently of one another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from pymongo import ASCENDING

from cinematch.adapters.mongodb_client import Document, SyncClient, translated
from cinematch.adapters.mongodb_user_stats import StoredList, StoredLists
from cinematch.contracts.collections import USER_SEQUENCES

PAGE_USERS: Final = 200
"""A page is read from one snapshot, which MongoDB keeps for five minutes: 200 of the longest lists, of 10,000 films,
take one or two."""


@dataclass(frozen=True, slots=True)
class ListPage:
    """The users with an id from `first` on and before `end` (None: no end), in MongoDB's order of strings."""

    first: str
    end: str | None


class ListPages:
    """The lists of one database. Every call raises StoreUnavailable."""

    def __init__(self, client: SyncClient, database: str) -> None:
        self._sequences = client[database][USER_SEQUENCES]
        self._lists = StoredLists(client, database)

    def pages(self, users: int = PAGE_USERS) -> list[ListPage]:
        """Divide everybody who has a counter into pages of about so many; who has one only later may be in none."""
        with translated():
            counters = self._sequences.find({}, {"_id": 1}, sort=[("_id", ASCENDING)])
            firsts = [counter["_id"] for counter in islice(counters, None, None, users)]
        return [ListPage(first, end) for first, end in zip(firsts, [*firsts[1:], None], strict=False)]

    def read(self, page: ListPage) -> Iterator[StoredList]:
        """Give the list of everybody of a page who has had an event and was not erased, one list at a time.

        Each is what the events up to its sequence made of it, whatever is written meanwhile; two reads of a page may
        differ.
        """
        bounds: Document = {"$gte": page.first} | ({} if page.end is None else {"$lt": page.end})
        with translated():
            users = [counter["_id"] for counter in self._sequences.find({"_id": bounds}, {"_id": 1})]
        for found in self._lists.read(users):
            if found.sequence > 0 and not found.is_erased:
                yield found
