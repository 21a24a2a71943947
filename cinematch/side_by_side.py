"""Work on several items at a time, in threads, with the results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(
    work: Callable[[Item], Result], items: Iterable[Item], at_once: int, ended: Event | None = None
) -> Generator[Result, None, None]:
    """Give the result of each item, in order; at most `at_once` are worked on, and one more is taken.

    Raises what the work raises. Nothing more is begun then, nor after `close()` or Ctrl-C, and what has begun is waited
    for: long work looks at `ended`, which is set as soon as nobody wants its result any more.
    """
    with ThreadPoolExecutor(at_once) as pool:
        begun: deque[Future[Result]] = deque()
        try:
            for item in items:
                if len(begun) == at_once:
                    yield begun.popleft().result()
                begun.append(pool.submit(work, item))
            while begun:
                yield begun.popleft().result()
        finally:
            if ended is not None:
                ended.set()
