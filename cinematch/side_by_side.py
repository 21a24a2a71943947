"""Work on several items at a time, in threads, with the results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(work: Callable[[Item], Result], items: Iterable[Item], at_once: int) -> Iterator[Result]:
    """Give the result of each item, in order. An item is taken only when less than `at_once` others are worked on.

    Raises what the work raises; what others have begun is ended first, and nothing more is begun.
    """
    with ThreadPoolExecutor(at_once) as pool:
        begun: deque[Future[Result]] = deque()
        for item in items:
            if len(begun) == at_once:
                yield begun.popleft().result()
            begun.append(pool.submit(work, item))
        while begun:
            yield begun.popleft().result()
