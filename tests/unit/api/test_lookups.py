"""Slow look-ups: shared, kept for a while, failures too; rates from one look to the next."""

from __future__ import annotations

import asyncio
import threading

import pytest

from cinematch.api.lookups import FORGOTTEN_SECONDS, Lookup, RateMeter
from cinematch.errors import StoreUnavailable


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Look:
    """Counts how often it is asked, and from which threads; fails when told to."""

    def __init__(self) -> None:
        self.calls = 0
        self.threads: set[int] = set()
        self.failure: Exception | None = None

    def __call__(self) -> int:
        self.calls += 1
        self.threads.add(threading.get_ident())
        if self.failure is not None:
            raise self.failure
        return self.calls


async def test_all_who_ask_at_once_share_one_look_off_the_event_loop() -> None:
    look = Look()
    found = await asyncio.gather(*(lookup() for lookup in [Lookup(look, 5.0)] * 10))
    assert {it.value for it in found} == {1}
    assert threading.get_ident() not in look.threads


async def test_an_answer_is_kept_and_then_looked_up_again() -> None:
    look, clock = Look(), Clock()
    lookup = Lookup(look, 5.0, clock)
    first = await lookup()
    clock.now += 4.9
    assert await lookup() == first
    clock.now += 0.2
    assert (await lookup()).value == 2


async def test_who_has_changed_something_need_not_wait() -> None:
    look = Look()
    lookup = Lookup(look, 1_000.0)
    await lookup()
    lookup.forget()
    assert (await lookup()).value == 2


async def test_a_store_that_is_away_is_not_asked_in_a_row_and_comes_back() -> None:
    look, clock = Look(), Clock()
    lookup = Lookup(look, 5.0, clock)
    look.failure = StoreUnavailable("kafka", "gone")
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await lookup()
    assert look.calls == 1
    look.failure = None
    clock.now += 5.1
    assert (await lookup()).value == 2


async def test_a_defect_is_no_answer_and_is_not_kept() -> None:
    look = Look()
    lookup = Lookup(look, 5.0)
    look.failure = RuntimeError("a defect")
    with pytest.raises(RuntimeError):
        await lookup()
    look.failure = None
    assert (await lookup()).value == 2


def test_a_rate_needs_two_looks() -> None:
    clock = Clock()
    meter = RateMeter(clock)
    assert meter.per_second(1_000) is None
    clock.now += 4
    assert meter.per_second(1_010) == 2.5
    clock.now += 2
    assert meter.per_second(1_010) == 0


def test_a_rate_over_too_long_a_time_or_of_a_count_that_fell_is_none() -> None:
    clock = Clock()
    meter = RateMeter(clock)
    meter.per_second(10)
    clock.now += FORGOTTEN_SECONDS + 1
    assert meter.per_second(20) is None
    clock.now += 1
    assert meter.per_second(5) is None
    assert meter.per_second(6) is None
