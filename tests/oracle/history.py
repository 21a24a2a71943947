"""What schedules did and saw, line by line: thrown away when all was right at the end, kept when it was not."""

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


class Histories:
    """The histories of one run, by the names of their files in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._begun: list[History] = []

    def begin(self, name: str) -> History:
        """Give a new history; one of that name from an earlier run is overwritten."""
        self._begun.append(History(self._folder / f"{name}.jsonl"))
        return self._begun[-1]

    def discard(self) -> None:
        """Remove all that were begun."""
        for history in self._begun:
            history.path.unlink()


@contextmanager
def kept_on_failure(folder: Path = FOLDER) -> Iterator[Histories]:
    """Give the histories of a run, checks at its end included; whatever the block raises says where they are kept."""
    histories = Histories(folder)
    try:
        yield histories
    except BaseException as error:
        error.add_note(f"histories: {folder.resolve()}")
        raise
    histories.discard()
