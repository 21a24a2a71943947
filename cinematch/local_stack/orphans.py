"""Processes that a stack left behind when its supervisor was killed.

Every child carries the stack's data directory in its environment, and its own children inherit it. So a look at
the environments finds all of them, grandchildren too, and never a stranger that got a recorded process id.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import psutil

STACK_VARIABLE: Final = "CINEMATCH_STACK"
END_SECONDS: Final = 10.0


def stack_processes(data_dir: Path) -> list[psutil.Process]:
    """The living processes of the stack in `data_dir`, without this one."""
    mine = os.getpid()
    return [process for process in psutil.process_iter() if process.pid != mine and _is_of(process, data_dir)]


def is_stack_process(pid: int, data_dir: Path) -> bool:
    """Whether this process lives and belongs to the stack in `data_dir`; a reused id does not."""
    try:
        return _is_of(psutil.Process(pid), data_dir)
    except psutil.NoSuchProcess:
        return False


def _is_of(process: psutil.Process, data_dir: Path) -> bool:
    try:
        return process.environ().get(STACK_VARIABLE) == str(data_dir)
    except (psutil.Error, OSError):  # it ended meanwhile, or is somebody else's
        return False


def end_orphans(data_dir: Path) -> int:
    """Kill whatever is left of the stack in `data_dir`, wait for its end, and say how many there were."""
    orphans = stack_processes(data_dir)
    for process in orphans:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(orphans, timeout=END_SECONDS)
    return len(orphans)
