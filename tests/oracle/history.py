"""What a schedule did and saw, line by line: thrown away when all was right, kept when it was not."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import orjson

FOLDER: Final = Path(".chaos")
"""In the project's folder, where whoever ran the schedules looks first."""


class History:
    """JSON lines in a file of the schedule's own; for any number of threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._began = time.monotonic()
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")

    def note(self, what: str, **facts: Any) -> None:
        """Add one line: seconds since the beginning, what happened, and its facts."""
        line = orjson.dumps({"at": round(time.monotonic() - self._began, 3), "what": what, **facts}, default=str)
        with self._lock, self.path.open("ab") as file:
            file.write(line + b"\n")


@contextmanager
def kept_on_failure(name: str) -> Iterator[History]:
    """Give the history of one schedule; whatever the block raises says in a note where it is kept."""
    history = History(FOLDER / f"{name}.jsonl")
    try:
        yield history
    except BaseException as error:
        error.add_note(f"history: {history.path.resolve()}")
        raise
    history.path.unlink()
