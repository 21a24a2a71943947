"""The memory of a Python worker, which Spark keeps for many tasks."""

from __future__ import annotations

import gc
from functools import cache


@cache
def keep_what_is_loaded() -> None:
    """Leave what this process has loaded so far out of garbage collections for ever; only the first call does anything.

    Call it in a task, where every module is loaded. Spark collects all garbage after each task, and walking through a
    few hundred modules takes longer than the work of a small micro-batch (50 ms of processor time were seen).
    """
    gc.freeze()
