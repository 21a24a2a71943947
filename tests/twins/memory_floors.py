"""The in-memory twin of `Erasures.floors`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class MemoryFloors:
    """`Floors` over a dictionary: user -> floor."""

    tombstones: dict[str, int] = field(default_factory=dict)

    def floors(self, user_ids: Iterable[str]) -> dict[str, int]:
        return {user_id: self.tombstones[user_id] for user_id in user_ids if user_id in self.tombstones}
