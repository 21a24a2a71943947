"""Locks on files that the system releases when their holder ends, however it ends."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable
from typing import IO, Any, Final

POLL_SECONDS: Final = 0.05


def try_lock(file: IO[Any], patience_seconds: float = 0.0, give_up: Callable[[], bool] = lambda: False) -> bool:
    """Lock an open file for this process; False when another one holds it for longer than the patience.

    The lock ends when the file is closed.
    """
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline or give_up():
                return False
            time.sleep(POLL_SECONDS)
        else:
            return True
