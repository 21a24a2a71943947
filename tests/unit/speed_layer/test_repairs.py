"""A repair counts as one only where the view is whole afterwards; what is lost for ever is told each time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from structlog.testing import capture_logs

from cinematch.contracts.event_history import JoinedHistory
from speed_layer.repairs import Repairs
from tests.histories import add
from tests.twins.memory_batch import MemoryLake, MemoryOutbox
from tests.twins.memory_boundaries import MemoryBoundaries
from tests.twins.memory_speed_view import MemorySpeedView
from tests.twins.memory_stats import MemoryStats

EVENTS = [add(number, f"m{number}", 7, "ann") for number in range(1, 9)]
LOST = EVENTS[3]


@dataclass
class World:
    """The stores of one user, ann, of whom eight events were issued, and nothing was published."""

    view: MemorySpeedView = field(default_factory=MemorySpeedView)
    outbox: MemoryOutbox = field(default_factory=lambda: MemoryOutbox(list(EVENTS)))
    stats: MemoryStats = field(default_factory=lambda: MemoryStats(sequences={"ann": len(EVENTS)}))

    @property
    def boundaries(self) -> MemoryBoundaries:
        return MemoryBoundaries(self.stats)

    @property
    def repairs(self) -> Repairs:
        return Repairs(self.view, self.boundaries, JoinedHistory(self.outbox, MemoryLake()))

    def rebuilt(self) -> tuple[int, Sequence[Mapping[str, Any]]]:
        """Rebuild everybody; give how many were, and what was logged."""
        with capture_logs() as lines:
            return self.repairs.rebuild(self.boundaries.due(["ann"])), lines


@pytest.fixture
def world() -> World:
    return World()


def test_a_view_that_reaches_the_last_event_is_repaired(world: World) -> None:
    assert world.rebuilt() == (1, [])
    assert world.view.boundaries(["ann"]) == {"ann": (0, 8)}


def test_a_view_that_ends_before_a_lost_event_is_put_back_and_told_and_not_counted(world: World) -> None:
    world.outbox.events.remove(LOST)
    rebuilt, (line,) = world.rebuilt()
    assert rebuilt == 0
    assert line["log_level"] == "error"
    assert (line["user_id"], line["after_sequence"], line["issued"]) == ("ann", 3, 8)
    assert world.view.boundaries(["ann"]) == {"ann": (0, 3)}


def test_a_view_that_lacks_its_first_event_is_told_and_left_as_it_is(world: World) -> None:
    world.outbox.events.remove(EVENTS[0])
    rebuilt, (line,) = world.rebuilt()
    assert (rebuilt, line["after_sequence"], world.view.views) == (0, 0, {})


def test_an_audit_claims_no_repair_of_what_is_lost(world: World) -> None:
    world.outbox.events.remove(LOST)
    for _ in range(2):
        with capture_logs() as lines:
            assert world.repairs.repair_stuck(world.repairs.broken_views()) == 0
        assert [line["after_sequence"] for line in lines] == [3]


def test_events_issued_after_the_look_are_no_loss(world: World) -> None:
    world.stats.sequences["ann"] = 5
    assert world.rebuilt() == (1, [])
    assert world.view.boundaries(["ann"]) == {"ann": (0, 8)}


def test_a_view_that_alone_still_has_an_event_stays_whole(world: World) -> None:
    world.view.apply({"ann": EVENTS})
    before = world.view.read("ann")
    world.outbox.events.remove(LOST)
    assert world.rebuilt() == (1, [])
    assert world.view.read("ann") == before
