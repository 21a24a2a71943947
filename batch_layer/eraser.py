"""Erasure in the batch view: a user's documents in every generation, and the states in the lake that hold the list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from batch_layer.exclusion import LEASE_NAME
from cinematch.adapters import mongodb_client, s3_objects
from cinematch.adapters.mongodb_generations import MongoGenerations
from cinematch.adapters.mongodb_lease import MongoLease
from cinematch.adapters.s3_batch_states import S3BatchStates
from cinematch.contracts.erasure import Erasure, Removed
from cinematch.contracts.exclusion import ERASURE, Exclusion, Lease, new_owner
from cinematch.contracts.generations import Generations
from cinematch.errors import ConfigurationError
from cinematch.settings import Settings

WAITS_FOR_BATCH: Final = "the next batch run"
LAST_OLD: Final = "last_generation_before"
"""The note of the newest generation that there was after the tombstone: a later one reads the tombstone, for a run
records its generation before it reads the floors. Numbers, for hosts differ about what time it is."""


class States(Protocol):
    """What an erasure needs of the states; see `BatchStates`."""

    def stored(self) -> set[int]:
        """Give the generations of which any object exists."""

    def drop(self, generation: int) -> None:
        """Remove a generation's state."""


class BatchEraser:
    """Removes documents at once; states once a generation is published that was begun after the erasure.

    A state is one set of files for all users, so it goes as a whole: such an earlier generation can still be published
    again, but no run builds on it any more. The lease is held while something is removed, and for the proof that
    nothing is left, so no run is at work then; it is left alone while only the next run can help.
    """

    def __init__(self, generations: Generations, states: States, new_lease: Callable[[], Lease]) -> None:
        self._generations = generations
        self._states = states
        self._new_lease = new_lease

    def erase(self, erasure: Erasure) -> Removed:
        """Remove it; see `Eraser`. Raises Conflict while a batch run is at work, or waits for its turn."""
        last_old = erasure.notes.get(LAST_OLD, self._newest())
        notes = {LAST_OLD: last_old}
        if self._needs_next_run(last_old) and not self._holding(erasure):
            return Removed({}, WAITS_FOR_BATCH, notes)
        with Exclusion(self._new_lease(), "a batch run", gives_way=True):
            counts = {"batch_documents": self._remove_documents(erasure)}
            if self._needs_next_run(last_old):
                return Removed(counts, WAITS_FOR_BATCH, notes)
            old = self._old_states(last_old)
            for number in sorted(old):
                self._states.drop(number)
        return Removed({**counts, "batch_states": len(old)}, notes=notes)

    def _newest(self) -> int:
        return max((it.number for it in self._generations.all()), default=0)

    def _old_states(self, last_old: int) -> set[int]:
        """Give those from before the erasure; without a record are those of before a backup was put back."""
        stored, newest = self._states.stored(), self._newest()  # in this order: a record is there before its state
        return {number for number in stored if number <= last_old or number > newest}

    def _needs_next_run(self, last_old: int) -> bool:
        published = self._generations.published()
        return bool(self._old_states(last_old)) and (published is None or published.number <= last_old)

    def _holding(self, erasure: Erasure) -> list[int]:
        """Give the generations that have a document of the user from before the erasure."""
        reached = {
            number: self._generations.boundaries(number, [erasure.subject]).get(erasure.subject)
            for number in sorted(self._generations.stored())
        }
        return [number for number, reach in reached.items() if reach is not None and reach <= erasure.floor]

    def _remove_documents(self, erasure: Erasure) -> int:
        holding = self._holding(erasure)
        for number in holding:
            self._generations.remove(number, [erasure.subject])
        return len(holding)


class NoStates:
    """The states where LAKE_IN_USE is false: none, and if a generation proves that there is a lake, an error."""

    def __init__(self, generations: Generations) -> None:
        self._generations = generations

    def stored(self) -> set[int]:
        """Give none. Raises ConfigurationError."""
        if self._generations.all():
            raise ConfigurationError("LAKE_IN_USE: false is wrong: there are generations of the batch view")
        return set()

    def drop(self, generation: int) -> None:
        """Do nothing: there is none."""


def eraser(settings: Settings) -> BatchEraser:
    """Give the eraser of this layer (entry point `cinematch.erasers`)."""
    database = mongodb_client.connect(settings)[settings.mongodb_database]
    generations = MongoGenerations(database)
    states: States = NoStates(generations)
    if settings.lake_in_use:
        states = S3BatchStates(s3_objects.connect(settings))

    def new_lease() -> MongoLease:
        return MongoLease(database, LEASE_NAME, new_owner(ERASURE), settings.batch_lease_seconds)

    return BatchEraser(generations, states, new_lease)
