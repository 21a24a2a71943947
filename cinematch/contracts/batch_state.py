"""Where the lake keeps what the next generation needs of one: every user's list, and the catalog, as Parquet.

A state counts only with its completion marker, which Spark writes last and a removal takes first: half of a state must
never be built on.
"""

from __future__ import annotations

import re
from typing import Final, Protocol

STATE_PREFIX: Final = "batch-state/"
_STATE_KEY: Final = re.compile(rf"{STATE_PREFIX}g(\d{{6,}})/.*")


def state_prefix(generation: int) -> str:
    """Name the folder of one generation's state inside the lake's bucket."""
    return f"{STATE_PREFIX}g{generation:06d}/"


def state_catalog_prefix(generation: int) -> str:
    """Name the folder of the catalog as the generation's documents were made with it; no part of the state's rows."""
    return f"{state_prefix(generation)}catalog/"


def state_lists_prefix(generation: int) -> str:
    """Name the folder of the users' lists that a generation from the lists began with; no part of the state's rows."""
    return f"{state_prefix(generation)}lists/"


def completion_marker(generation: int) -> str:
    """Name the object that says that all rows of the state are there."""
    return f"{state_prefix(generation)}_SUCCESS"


def generation_of(key: str) -> int | None:
    """Give the generation that an object of the bucket belongs to; None when it is no state."""
    match = _STATE_KEY.fullmatch(key)
    return int(match[1]) if match else None


class BatchStates(Protocol):
    """Which generations have a state in the lake; every call may raise StoreUnavailable."""

    def stored(self) -> set[int]:
        """Give the generations of which any object exists, be it a rest."""

    def complete(self) -> set[int]:
        """Give the generations whose state is whole: those that a run may build on."""

    def drop(self, generation: int) -> None:
        """Remove a generation's state; from the first step on it is not complete. Idempotent."""
