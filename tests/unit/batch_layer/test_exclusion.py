"""The lease is kept for as long as the run lives, and not longer."""

from __future__ import annotations

import threading

import pytest

from batch_layer.exclusion import wait_for_erasure
from cinematch.contracts.exclusion import ERASURE, Exclusion, new_owner
from cinematch.errors import Conflict, StoreUnavailable
from tests.twins.memory_lease import Holding, MemoryLease


class CountedLease(MemoryLease):
    """Counts renewals, and can lose its store."""

    def __init__(self, holding: Holding) -> None:
        super().__init__("me", holding, duration_seconds=0.04)
        self.renewed = threading.Semaphore(0)
        self.is_reachable = True

    def renew(self) -> bool:
        self.renewed.release()
        if not self.is_reachable:
            raise StoreUnavailable("mongodb", "no answer")
        return super().renew()


def test_it_is_renewed_while_it_is_held_also_after_an_outage() -> None:
    lease = CountedLease(Holding())
    with Exclusion(lease) as exclusion:
        assert lease.renewed.acquire(timeout=5)
        lease.is_reachable = False
        assert all(lease.renewed.acquire(timeout=5) for _ in range(3))
        lease.is_reachable = True
        assert all(lease.renewed.acquire(timeout=5) for _ in range(3))
        exclusion.confirm()
    assert lease.holder() is None


def test_it_is_given_back_when_the_run_fails() -> None:
    holding = Holding()
    with pytest.raises(ValueError, match="the run fails"), Exclusion(MemoryLease("me", holding)):
        raise ValueError("the run fails")
    assert holding.owner is None


def test_a_lost_lease_is_noticed_and_not_given_back_for_its_new_owner() -> None:
    holding = Holding()
    with Exclusion(MemoryLease("me", holding)) as exclusion:
        holding.owner = "other"
        with pytest.raises(Conflict, match="another one has taken over"):
            exclusion.confirm()
    assert holding.owner == "other"


def test_a_held_lease_keeps_others_out() -> None:
    with pytest.raises(Conflict, match="at work \\(other\\)"), Exclusion(MemoryLease("me", Holding("other"))):
        pass


def test_owners_differ_also_within_one_process() -> None:
    assert new_owner() != new_owner()


class TestARunBesideAnErasure:
    @pytest.fixture
    def holding(self) -> Holding:
        return Holding(new_owner(ERASURE))

    def test_waits_until_it_is_over_and_is_not_overtaken_by_the_next(self, holding: Holding) -> None:
        looks: list[bool] = []

        def sleep(_: float) -> None:
            next_erasure = MemoryLease(new_owner(ERASURE), holding)
            if len(looks) == 3:
                holding.owner = None
            looks.append(next_erasure.acquire(gives_way=True))

        run = MemoryLease("me", holding)
        wait_for_erasure(run, sleep=sleep)
        assert looks == [False] * 4
        with Exclusion(run):
            assert not holding.is_reserved

    def test_does_not_wait_for_ever(self, holding: Holding) -> None:
        wait_for_erasure(MemoryLease("me", holding), patience_seconds=0)
        with pytest.raises(Conflict, match="an erasure is at work"), Exclusion(MemoryLease("me", holding)):
            pass

    def test_does_not_wait_for_another_run(self) -> None:
        def sleep(_: float) -> None:
            raise AssertionError("it waits")

        wait_for_erasure(MemoryLease("me", Holding("other")), sleep=sleep)
