"""The states of generations in the lake's bucket (see contracts/batch_state.py). Spark writes and reads them."""

from __future__ import annotations

from cinematch.adapters.s3_objects import S3Objects
from cinematch.contracts.batch_state import STATE_PREFIX, generation_of, state_prefix


class S3BatchStates:
    """Finds and removes states. Raises StoreUnavailable."""

    def __init__(self, objects: S3Objects) -> None:
        self._objects = objects

    def stored(self) -> set[int]:
        """Give the generations of which any object exists."""
        found = (generation_of(key) for key in self._objects.sizes(STATE_PREFIX))
        return {generation for generation in found if generation is not None}

    def drop(self, generation: int) -> None:
        """Remove a generation's state. Idempotent."""
        self._objects.delete(self._objects.sizes(state_prefix(generation)))
