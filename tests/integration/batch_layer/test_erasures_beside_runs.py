"""Erasures that wait for the next batch run do not keep it from running."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime

import pytest

from batch_layer.batch_run import run_batch
from batch_layer.eraser import BatchEraser
from batch_layer.exclusion import LEASE_NAME
from batch_layer.publication import Stores
from cinematch.adapters.mongodb_client import SyncClient
from cinematch.adapters.mongodb_lease import MongoLease
from cinematch.contracts.batch_state import state_prefix
from cinematch.contracts.erasure import Erasure, user_digest
from cinematch.contracts.exclusion import ERASURE, Exclusion, new_owner
from cinematch.contracts.generations import GenerationState
from cinematch.errors import Conflict
from cinematch.settings import Settings
from tests.histories import add
from tests.twins.memory_batch import MemoryBatchJob, MemoryLake, MemoryStates

pytestmark = pytest.mark.integration
USERS = [f"user-{number}" for number in range(12)]
NewLease = Callable[[str], MongoLease]


@pytest.fixture
def new_lease(client: SyncClient, batch_settings: Settings) -> NewLease:
    return lambda role: MongoLease(client[batch_settings.mongodb_database], LEASE_NAME, new_owner(role), 30.0)


@contextmanager
def again_and_again(work: Callable[[], None]) -> Iterator[None]:
    """Do it in a thread inside the block, without a pause."""
    over = threading.Event()

    def loop() -> None:
        while not over.is_set():
            with suppress(Conflict):
                work()

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_a_run_publishes_beside_many_open_erasures(
    stores: Stores, batch_settings: Settings, new_lease: NewLease
) -> None:
    first = stores.generations.create("test", datetime.now(UTC), None, None).number
    stores.generations.write(first, [{"_id": user, "as_of_sequence": 1} for user in USERS], [])
    stores.generations.update(first, state=GenerationState.READY)
    stores.generations.publish(first, datetime.now(UTC))
    stores.states._objects.put_new(f"{state_prefix(first)}part-0.parquet", b"")  # type: ignore[attr-defined]
    eraser = BatchEraser(stores.generations, stores.states, lambda: new_lease(ERASURE))
    erasures = [Erasure(user_digest(user), 1, datetime.now(UTC), user, notes={}) for user in USERS]
    erasures = [_with_notes(eraser, erasure) for erasure in erasures]

    def try_all() -> None:
        for erasure in erasures:
            eraser.erase(erasure)

    def rewrite_objects() -> None:
        with Exclusion(new_lease(ERASURE), gives_way=True):
            stores.generations.all()

    job = MemoryBatchJob(stores.generations, MemoryStates(), MemoryLake([add(1, "m1", 7, "bob")]), {})
    with ExitStack() as erasing:
        for work in (try_all, try_all, rewrite_objects, rewrite_objects):
            erasing.enter_context(again_and_again(work))
        generation = run_batch(stores, new_lease(""), batch_settings, job, full=True)
        assert generation.is_published
    assert [eraser.erase(erasure).waits_for for erasure in erasures] == [None] * len(USERS)
    assert stores.states.stored() == set()


def _with_notes(eraser: BatchEraser, erasure: Erasure) -> Erasure:
    notes = eraser.erase(erasure).notes
    return Erasure(erasure.digest, erasure.floor, erasure.erased_at, erasure.user_id, notes=notes)


def test_a_reservation_keeps_those_away_who_give_way_until_it_is_used_or_runs_out(new_lease: NewLease) -> None:
    run, erasure = new_lease(""), new_lease(ERASURE)
    run.reserve()
    assert not erasure.acquire(gives_way=True)
    assert run.acquire()
    run.release()
    assert erasure.acquire(gives_way=True)
    erasure.release()
    run.duration_seconds = -1.0
    run.reserve()
    assert erasure.acquire(gives_way=True)
    assert erasure.renew()
