"""Going on with erasures: one at a time, step by step, and no fault of one step ends the others."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from cinematch.contracts.erasure import Eraser, Erasure, Removed, user_digest
from cinematch.domain.changes import Change
from cinematch.errors import Conflict, StoreUnavailable
from ingestion.personal_data import routes
from ingestion.personal_data.erasing import Erasing
from tests.twins.memory_lease import Holding, MemoryLease

NOW = datetime(2026, 1, 19, 12, tzinfo=UTC)


class NoLists:
    """Lists that are empty."""

    def films_of(self, user_id: str, limit: int) -> list[str]:
        return []

    def apply_many(self, user_id: str, changes: list[Change]) -> int:
        return 0


class Tombs:
    """Tombstones of some users."""

    def __init__(self, *user_ids: str) -> None:
        self.found = {user_id: Erasure(user_digest(user_id), 1, NOW, user_id) for user_id in user_ids}

    def bury(self, user_id: str, floor: int) -> Erasure | None:
        return self.found.get(user_id)

    def of(self, user_id: str) -> Erasure | None:
        return self.found.get(user_id)

    def open(self) -> list[Erasure]:
        return [erasure for erasure in self.found.values() if erasure.finished_at is None]

    def record(self, erasure: Erasure, step: str, removed: Removed) -> None:
        assert erasure.user_id is not None
        done_at = NOW if removed.waits_for is None else None
        before: Mapping[str, Any] = erasure.steps.get(step, {"attempts": 0})
        fields = {"waits_for": removed.waits_for, "done_at": done_at, "attempts": before["attempts"] + 1}
        self.found[erasure.user_id] = replace(erasure, steps={**erasure.steps, step: fields})

    def finish(self, erasure: Erasure) -> None:
        assert erasure.user_id is not None
        self.found[erasure.user_id] = replace(erasure, finished_at=NOW)


class Done:
    """Removes nothing and is done."""

    def erase(self, erasure: Erasure) -> Removed:
        return Removed({})


class Faulty:
    """Fails for one user in a way that nobody has thought of."""

    def erase(self, erasure: Erasure) -> Removed:
        if erasure.user_id == "ann":
            raise ZeroDivisionError("nobody thought of it")
        return Removed({})


def erasing(tombs: Tombs, holding: Holding, **erasers: Eraser) -> Erasing:
    makers = {name: (lambda eraser=eraser: eraser) for name, eraser in erasers.items()}
    return Erasing(NoLists(), tombs, makers, lambda: MemoryLease("me", holding))


def test_a_fault_that_nobody_thought_of_is_told_and_other_steps_and_users_go_on() -> None:
    tombs = Tombs("ann", "bob")
    with structlog.testing.capture_logs() as logs:
        assert erasing(tombs, Holding(), first=Faulty(), second=Done()).go_on_with_all() == 1
    assert tombs.found["bob"].finished_at == NOW
    steps = tombs.found["ann"].steps
    assert steps["first"]["waits_for"] == "the repair of a fault"
    assert steps["second"]["done_at"] == NOW
    assert "a step of an erasure failed unexpectedly" in {line["event"] for line in logs}


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (StoreUnavailable("s3", "http://minio:9000/data-lake: refused"), "s3, which does not answer"),
        (Conflict("a batch run is at work (host-7/4711/token)"), "other work that holds what is needed"),
        (RuntimeError("mongodb://root:secret@mongodb"), "the repair of a fault"),
    ],
)
def test_a_report_tells_its_user_nothing_of_our_insides(error: Exception, told: str) -> None:
    class Failing:
        def erase(self, erasure: Erasure) -> Removed:
            raise error

    tombs = Tombs("ann")
    erasing(tombs, Holding(), only=Failing()).go_on_with_all()
    assert tombs.found["ann"].steps["only"]["waits_for"] == told


def test_while_another_process_goes_on_with_erasures_nothing_is_done_twice() -> None:
    tombs, holding = Tombs("ann"), Holding("the API")
    both = erasing(tombs, holding, first=Done())
    with pytest.raises(Conflict, match="another erasure is at work \\(the API\\)"):
        both.go_on(tombs.found["ann"])
    assert tombs.found["ann"].steps == {}
    holding.owner = None
    stale = tombs.found["ann"]
    assert both.go_on(stale).finished_at == NOW
    assert both.go_on(stale).steps["first"]["attempts"] == 1
    assert holding.owner is None


async def test_the_task_of_the_api_survives_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "POLL_SECONDS", 0.001)
    faults = [
        Conflict("another process"),
        StoreUnavailable("mongodb", "away"),
        ZeroDivisionError("nobody thought of it"),
    ]
    tried = asyncio.Event()
    loop = asyncio.get_running_loop()

    class Erasings:
        def go_on_with_all(self) -> int:
            if faults:
                raise faults.pop()
            loop.call_soon_threadsafe(tried.set)
            return 0

    stores: Any = SimpleNamespace(erasing=Erasings())
    with structlog.testing.capture_logs() as logs:
        task = asyncio.create_task(routes._go_on(stores))
        await asyncio.wait_for(tried.wait(), 30)
        task.cancel()
    assert {"erasures wait", "going on with erasures failed unexpectedly"} <= {line["event"] for line in logs}
