"""What a process that works for long keeps out of garbage collections."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache


@cache
def keep_what_is_loaded() -> None:
    """Leave what this process has loaded so far out of garbage collections for ever; only the first call does anything.

    Call it where every module is loaded: at the end of a start, or, in a Python worker of Spark, in a task. A full
    collection walks through all of a few hundred modules and holds up every thread meanwhile, which was seen to take
    60 to 120 ms of an API's process; Spark asks its workers for one after each task, which was more than the work of a
    small micro-batch (50 ms of processor time).
    """
    gc.freeze()


@contextmanager
def without_collections() -> Iterator[None]:
    """Make no garbage collection in the block, which is to make many objects and no cycles.

    Each time that a quarter more of them live, a full collection walks through all: a third of the time of turning
    tens of thousands of rows into objects and back.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
