"""Erasure in the batch view: by numbers and not by clocks, and out of the way of the runs that it waits for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from batch_layer.eraser import WAITS_FOR_BATCH, BatchEraser
from cinematch.contracts.erasure import Erasure, Removed, user_digest
from cinematch.contracts.exclusion import ERASURE, new_owner
from cinematch.contracts.generations import GenerationState
from cinematch.errors import Conflict
from tests.twins.memory_batch import MemoryStates
from tests.twins.memory_generations import MemoryGenerations
from tests.twins.memory_lease import Holding, MemoryLease

NOW = datetime(2026, 1, 19, 12, tzinfo=UTC)
ANN = Erasure(user_digest("ann"), floor=4, erased_at=NOW, user_id="ann")


class Night:
    """Generations with their states, one lease, and the eraser."""

    def __init__(self) -> None:
        self.generations, self.states, self.holding = MemoryGenerations(), MemoryStates(), Holding()
        self.eraser = BatchEraser(self.generations, self.states, lambda: MemoryLease(new_owner(ERASURE), self.holding))
        self.erasure = ANN

    def run(self, *user_ids: str, started_at: datetime = NOW) -> int:
        number = self.generations.create("test", started_at, None, None).number
        self.generations.write(number, [{"_id": user_id, "as_of_sequence": 4} for user_id in user_ids], [])
        self.generations.update(number, state=GenerationState.READY)
        self.generations.publish(number, NOW)
        self.states.tables[number] = pa.table({})
        return number

    def erase(self) -> Removed:
        removed = self.eraser.erase(self.erasure)
        self.erasure = replace(self.erasure, notes={**self.erasure.notes, **removed.notes})
        return removed


@pytest.fixture
def night() -> Night:
    return Night()


def test_documents_go_at_once_and_states_after_the_next_run(night: Night) -> None:
    night.run("ann", "bob")
    removed = night.erase()
    assert (removed.counts, removed.waits_for) == ({"batch_documents": 1}, WAITS_FOR_BATCH)
    night.run("bob")
    removed = night.erase()
    assert (removed.counts, removed.waits_for) == ({"batch_documents": 0, "batch_states": 1}, None)
    assert night.states.stored() == {2}


def test_where_there_never_was_a_generation_it_is_done(night: Night) -> None:
    assert night.erase() == Removed({"batch_documents": 0, "batch_states": 0}, notes=night.erasure.notes)


def test_while_only_the_next_run_helps_the_lease_is_left_to_it(night: Night) -> None:
    night.run("bob")
    night.holding.owner = "host/1/a-run"
    assert night.erase().waits_for == WAITS_FOR_BATCH


def test_nothing_is_removed_beside_a_run_or_before_one_that_waits_for_its_turn(night: Night) -> None:
    night.run("ann")
    night.holding.owner = "host/1/a-run"
    with pytest.raises(Conflict, match="a batch run is at work \\(host/1/a-run\\)"):
        night.erase()
    night.holding.expire()
    MemoryLease("host/1/a-run", night.holding).reserve()
    with pytest.raises(Conflict, match="a batch run is at work \\(it has reserved the next turn\\)"):
        night.erase()


@pytest.mark.parametrize("shift", [timedelta(hours=-1), timedelta(hours=1)])
def test_a_clock_of_the_batch_host_that_is_wrong_changes_nothing(night: Night, shift: timedelta) -> None:
    night.run("ann", started_at=NOW + shift)
    assert night.erase().waits_for == WAITS_FOR_BATCH
    assert night.states.stored() == {1}, "the state has the list, whatever the clock says"
    night.run("bob", started_at=NOW + shift)
    assert night.erase().waits_for is None
    assert night.states.stored() == {2}


def test_a_generation_that_was_being_built_at_the_erasure_counts_as_old(night: Night) -> None:
    night.run("bob")
    building = night.generations.create("test", NOW, 1, None).number
    night.erase()
    night.generations.write(building, [{"_id": "ann", "as_of_sequence": 4}], [])
    night.generations.update(building, state=GenerationState.READY)
    night.states.tables[building] = pa.table({})
    night.generations.publish(building, NOW)
    assert night.erase().waits_for == WAITS_FOR_BATCH
    assert night.generations.boundaries(building, ["ann"]) == {}
