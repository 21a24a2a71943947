"""What comes to Redis of a user behind the eraser goes, also where nobody tells of it."""

from __future__ import annotations

from threading import Event as Signal

from cinematch.contracts.event_history import JoinedHistory
from speed_layer.guardian import Guardian
from speed_layer.repairs import Repairs
from tests.histories import add, delete
from tests.oracle.world import MemoryHeartbeat
from tests.twins.memory_batch import MemoryLake
from tests.twins.memory_boundaries import MemoryBoundaries
from tests.twins.memory_generations import MemoryGenerations
from tests.twins.memory_speed_view import MemorySpeedView
from tests.twins.memory_stats import MemoryStats

OLD = [(added := add(1, "m1", 7.0, user_id="ann")), delete(2, added)]


def audited(stats: MemoryStats, view: MemorySpeedView) -> None:
    boundaries, history = MemoryBoundaries(stats), JoinedHistory(MemoryLake(), MemoryLake())
    Guardian(MemoryHeartbeat(), Repairs(view, boundaries, history), boundaries, 60).audit(Signal())


def test_a_view_that_was_begun_by_old_events_of_somebody_erased_goes_with_the_audit() -> None:
    view = MemorySpeedView()
    view.apply({"ann": OLD, "bob": [add(1, "m1", 7.0, user_id="bob")]})
    audited(MemoryStats(generations=MemoryGenerations(), sequences={"bob": 1}, tombstones={"ann": 2}), view)
    assert set(view.users()) == {"bob"}


def test_what_came_after_the_erasure_stays() -> None:
    view = MemorySpeedView()
    view.apply({"ann": [*OLD, add(3, "m2", 8.0, user_id="ann")]})
    stats = MemoryStats(generations=MemoryGenerations(), sequences={"ann": 3}, tombstones={"ann": 2}, floors={"ann": 2})
    audited(stats, view)
    assert view.boundaries(["ann"]) == {"ann": (2, 3)}
