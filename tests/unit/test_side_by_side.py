"""Several at a time, with the results in order."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from cinematch.side_by_side import side_by_side

AT_ONCE = 3


def test_results_come_in_order_whoever_is_ready_first() -> None:
    def work(number: int) -> int:
        time.sleep(0.002 * (number % 3))
        return 2 * number

    assert list(side_by_side(work, range(20), AT_ONCE)) == [2 * number for number in range(20)]


def test_so_many_are_worked_on_and_no_more_items_are_taken() -> None:
    meet = threading.Barrier(AT_ONCE, timeout=10)
    lock = threading.Lock()
    taken = done = most = 0

    def items() -> Iterator[int]:
        nonlocal taken, most
        for number in range(4 * AT_ONCE):
            with lock:
                taken += 1
                most = max(most, taken - done)
            yield number

    def work(number: int) -> int:
        nonlocal done
        meet.wait()  # nobody goes on alone
        with lock:
            done += 1
        return number

    assert list(side_by_side(work, items(), AT_ONCE)) == list(range(4 * AT_ONCE))
    assert most <= AT_ONCE + 1


def test_long_work_is_told_when_nobody_wants_its_result_any_more() -> None:
    ended = threading.Event()

    def work(number: int) -> bool:
        return number == 0 or ended.wait(30)

    results = side_by_side(work, range(100), AT_ONCE, ended)
    assert next(results)
    results.close()  # waits for the two that wait to be told
    assert ended.is_set()


def test_a_failure_is_raised_and_nothing_more_is_begun() -> None:
    begun: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        if number == 1:
            raise ValueError("the second one")
        return number

    results = side_by_side(work, range(100), AT_ONCE)
    assert next(results) == 0
    with pytest.raises(ValueError, match="the second one"):
        next(results)
    assert len(begun) <= 1 + AT_ONCE
