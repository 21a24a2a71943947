"""The in-memory twin of `MongoGenerations`; tests/contract/test_generations.py proves the two equal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import datetime
from typing import Any

from cinematch.adapters.mongodb_generations import GenerationNotFound
from cinematch.contracts.batch_document import read_entry
from cinematch.contracts.generations import Document, Generation, GenerationState
from cinematch.domain.watchlist import ListEntry
from cinematch.errors import Conflict


class MemoryGenerations:
    """Generations in dictionaries; see the protocol `Generations`."""

    def __init__(self) -> None:
        self._records: dict[int, Generation] = {}
        self._stats: dict[int, dict[str, Document]] = {}
        self._movies: dict[int, dict[tuple[str, int], Document]] = {}
        self._target: int | None = None

    def create(self, owner: str, started_at: datetime, base: int | None, as_of: datetime | None) -> Generation:
        number = max([*self._records, *self.stored()], default=0) + 1
        self._records[number] = Generation(number, GenerationState.BUILDING, owner, started_at, base, as_of)
        self._stats[number], self._movies[number] = {}, {}
        return self._records[number]

    def write(self, number: int, documents: Sequence[Document], chunks: Sequence[Document]) -> None:
        for document in documents:
            self._stats.setdefault(number, {}).setdefault(document["_id"], deepcopy(document))
        for chunk in chunks:
            identity = (chunk["user_id"], chunk["chunk"])
            self._movies.setdefault(number, {}).setdefault(identity, deepcopy(chunk))

    def carry_over(self, base: int, number: int, updated_at: datetime) -> None:
        renewed = {"generation": number, "updated_at": updated_at}
        documents = self._stats.get(base, {})
        self._stats[number] = {user_id: deepcopy(document) | renewed for user_id, document in documents.items()}
        self._movies[number] = deepcopy(self._movies.get(base, {}))

    def remove(self, number: int, user_ids: Sequence[str]) -> None:
        for user_id in user_ids:
            self._stats[number].pop(user_id, None)
            for identity in [each for each in self._movies[number] if each[0] == user_id]:
                del self._movies[number][identity]

    def update(self, number: int, **fields: Any) -> None:
        if number in self._records:
            self._records[number] = replace(self._records[number], **fields)

    def publish(self, number: int, now: datetime) -> None:
        replaced, self._target = self._target, number
        if replaced is not None and replaced != number:
            self.update(replaced, replaced_at=now)
        self.update(number, published_at=now, replaced_at=None)

    def published(self) -> Generation | None:
        return None if self._target is None else self.get(self._target)

    def get(self, number: int) -> Generation:
        if number not in self._records:
            raise GenerationNotFound(f"there is no generation {number}")
        return replace(self._records[number], is_published=number == self._target)

    def all(self) -> list[Generation]:
        return [self.get(number) for number in sorted(self._records, reverse=True)]

    def drop(self, number: int) -> None:
        if number == self._target:
            raise Conflict(f"generation {number} is published and stays")
        self._stats.pop(number, None)
        self._movies.pop(number, None)

    def stored(self) -> set[int]:
        return self._stats.keys() | self._movies.keys()

    def counts(self, number: int) -> tuple[int, int]:
        return len(self._stats.get(number, {})), len(self._movies.get(number, {}))

    def boundaries(self, number: int, user_ids: Sequence[str]) -> dict[str, int]:
        documents = self._stats.get(number, {})
        return {user_id: documents[user_id]["as_of_sequence"] for user_id in user_ids if user_id in documents}

    def boundary_pages(self, number: int, size: int) -> Iterator[dict[str, int]]:
        user_ids = sorted(self._stats.get(number, {}))
        for start in range(0, len(user_ids), size):
            yield self.boundaries(number, user_ids[start : start + size])

    def document(self, user_id: str) -> Document | None:
        found = None if self._target is None else self._stats.get(self._target, {}).get(user_id)
        return deepcopy(found)

    def entries(self, number: int, user_id: str) -> list[ListEntry]:
        chunks = sorted((key, chunk) for key, chunk in self._movies.get(number, {}).items() if key[0] == user_id)
        return [read_entry(fields) for _, chunk in chunks for fields in chunk["entries"]]
