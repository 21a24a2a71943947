"""Erasure in the batch view: a user's documents in every generation, and the states in the lake that hold the list."""

from __future__ import annotations

from typing import Final

from batch_layer.exclusion import LEASE_NAME, Exclusion, new_owner
from cinematch.adapters import mongodb_client, s3_objects
from cinematch.adapters.mongodb_client import SyncDatabase
from cinematch.adapters.mongodb_generations import MongoGenerations
from cinematch.adapters.mongodb_lease import MongoLease
from cinematch.adapters.s3_batch_states import S3BatchStates
from cinematch.contracts.batch_state import BatchStates
from cinematch.contracts.erasure import Erasure, Removed
from cinematch.contracts.generations import Generation, Generations
from cinematch.settings import Settings

WAITS_FOR_BATCH: Final = "the next batch run"


class BatchEraser:
    """Removes documents at once; states once a generation is published that was begun after the erasure.

    A state is one set of files for all users, so it goes as a whole: such an earlier generation can still be published
    again, but no run builds on it any more. No run is at work meanwhile, for the lease is held.
    """

    def __init__(
        self, generations: Generations, states: BatchStates, database: SyncDatabase, settings: Settings
    ) -> None:
        self._generations = generations
        self._states = states
        self._database = database
        self._settings = settings

    def erase(self, erasure: Erasure) -> Removed:
        """Remove it; see `Eraser`. Raises Conflict while a batch run is at work."""
        lease = MongoLease(self._database, LEASE_NAME, new_owner(), self._settings.batch_lease_seconds)
        with Exclusion(lease):
            documents = self._remove_documents(erasure)
            published, stored = self._generations.published(), self._states.stored()
            old = {it.number for it in self._generations.all() if it.started_at <= erasure.erased_at} & stored
            if old and not _is_newer(published, erasure):
                return Removed({"batch_documents": documents}, WAITS_FOR_BATCH)
            for number in sorted(old):
                self._states.drop(number)
        return Removed({"batch_documents": documents, "batch_states": len(old)})

    def _remove_documents(self, erasure: Erasure) -> int:
        assert erasure.user_id is not None
        removed = 0
        for number in sorted(self._generations.stored()):
            reach = self._generations.boundaries(number, [erasure.user_id]).get(erasure.user_id)
            if reach is not None and reach <= erasure.floor:
                self._generations.remove(number, [erasure.user_id])
                removed += 1
        return removed


def _is_newer(published: Generation | None, erasure: Erasure) -> bool:
    return published is not None and published.started_at > erasure.erased_at


def eraser(settings: Settings) -> BatchEraser:
    """Give the eraser of this layer (entry point `cinematch.erasers`)."""
    database = mongodb_client.connect(settings)[settings.mongodb_database]
    states = S3BatchStates(s3_objects.connect(settings))
    return BatchEraser(MongoGenerations(database), states, database, settings)
