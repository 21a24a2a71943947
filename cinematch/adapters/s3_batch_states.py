"""The states of generations in the lake's bucket (see contracts/batch_state.py). Spark writes and reads them."""

from __future__ import annotations

from cinematch.adapters.s3_objects import S3Objects
from cinematch.contracts.batch_state import STATE_PREFIX, completion_marker, generation_of, state_prefix


class S3BatchStates:
    """Finds and removes states. Raises StoreUnavailable."""

    def __init__(self, objects: S3Objects) -> None:
        self._objects = objects

    def stored(self) -> set[int]:
        """Give the generations of which any object exists, be it a rest."""
        found = (generation_of(key) for key in self._objects.sizes(STATE_PREFIX))
        return {generation for generation in found if generation is not None}

    def complete(self) -> set[int]:
        """Give the generations whose state is whole."""
        keys = self._objects.sizes(STATE_PREFIX)
        found = {generation_of(key) for key in keys}
        return {it for it in found if it is not None and completion_marker(it) in keys}

    def drop(self, generation: int) -> None:
        """Remove a generation's state. Idempotent.

        1. The marker, in a request of its own: one for several objects may be carried out in part.
        2. Everything else.
        """
        self._objects.delete([completion_marker(generation)])
        self._objects.delete(self._objects.sizes(state_prefix(generation)))
