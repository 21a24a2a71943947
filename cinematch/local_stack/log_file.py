"""The log of one child process: a file of bounded size that the child appends to directly.

No thread or pipe lies between, so a child can neither block on a reader nor lose its last words. Lines written
in the instant of a trim may be lost.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, Final

MAX_BYTES: Final = 10 * 1024 * 1024
KEPT_BYTES: Final = 2 * 1024 * 1024  # of the older output, in `NAME.log.1`
TAIL_BYTES: Final = 256 * 1024  # how far back the last lines are looked for


class LogFile:
    """One process's output, standard error included."""

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES, kept_bytes: int = KEPT_BYTES) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._kept_bytes = kept_bytes

    def open(self) -> IO[bytes]:
        """A handle for a child; appending, which is what makes trimming under a running child safe."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return self.path.open("ab")

    def trim(self) -> None:
        """Move the newest part aside and start the file again when it has outgrown its bound."""
        if not self.path.exists() or self.path.stat().st_size <= self._max_bytes:
            return
        self.path.with_name(self.path.name + ".1").write_bytes(self._end(self._kept_bytes))
        os.truncate(self.path, 0)

    def last_lines(self, count: int) -> list[str]:
        """The last `count` lines that are not blank."""
        if not self.path.exists():
            return []
        lines = self._end(TAIL_BYTES).decode("utf-8", "replace").splitlines()
        return [line for line in lines if line.strip()][-count:]

    def _end(self, size: int) -> bytes:
        with self.path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - size))
            return file.read()
