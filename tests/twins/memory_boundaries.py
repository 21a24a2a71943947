"""The in-memory twin of `mongodb_boundaries.Boundaries`; tests/contract/test_boundaries.py proves the two equal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from cinematch.contracts.speed_view import DueUser
from tests.twins.memory_stats import MemoryStats

Document = dict[str, Any]


class MemoryBoundaries:
    """Boundaries over the dictionaries of `MemoryStats`."""

    def __init__(self, stats: MemoryStats) -> None:
        self._stats = stats
        self._put_off: Counter[str] = Counter()

    def due(self, user_ids: Iterable[str]) -> list[DueUser]:
        issued = {user_id: self._stats.sequences[user_id] for user_id in user_ids if user_id in self._stats.sequences}
        users = [DueUser(user_id, self._boundary(user_id), sequence) for user_id, sequence in sorted(issued.items())]
        return [user for user in users if user.issued > user.boundary]

    def floors(self, user_ids: Iterable[str]) -> dict[str, int]:
        return {user_id: self._stats.tombstones[user_id] for user_id in user_ids if user_id in self._stats.tombstones}

    def due_pages(self) -> Iterator[list[DueUser]]:
        yield self.due(list(self._stats.sequences))

    def repair_requests(self) -> list[Document]:
        return [{"_id": user_id} for user_id in sorted(self._stats.repairs, key=lambda it: (self._put_off[it], it))]

    def end_repair_requests(self, requests: Sequence[Document]) -> None:
        self._stats.repairs -= {request["_id"] for request in requests}

    def put_off_repair_requests(self, requests: Sequence[Document]) -> None:
        self._put_off.update(request["_id"] for request in requests)

    def _boundary(self, user_id: str) -> int:
        document = self._stats.generations.document(user_id)
        as_of = int(document["as_of_sequence"]) if document else 0
        return max(as_of, self._stats.floors.get(user_id, 0))
