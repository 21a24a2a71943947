"""A command of ours as a child process of the scheduler: the very command that a crontab would call."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cinematch.telemetry import get_logger

BATCH: Final = (sys.executable, "-m", "cinematch", "batch", "run")
COMPACTION: Final = (sys.executable, "-m", "cinematch", "lake", "compact")
AUDIT: Final = (sys.executable, "-m", "cinematch", "audit")
STOP_SECONDS: Final = 10
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Failure:
    """A child that ended badly."""

    pid: int
    started_at: datetime
    ended_at: datetime
    exit_code: int

    @property
    def reason(self) -> str:
        """Say how it ended."""
        killed = self.exit_code < 0
        return f"killed by signal {-self.exit_code}" if killed else f"ended with exit code {self.exit_code}"


class ScheduledCommand:
    """Runs one command as a child, one at a time; `failed` is told of a child that ended badly by itself."""

    def __init__(self, command: Sequence[str], failed: Callable[[Failure], None] = lambda failure: None) -> None:
        self._command = list(command)
        self._failed = failed
        self._child: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()

    @property
    def pid(self) -> int | None:
        """Give the process id of the last child."""
        return self._child.pid if self._child else None

    def run(self) -> None:
        """Run the command and wait for it. Never raises what one night may bring: the next night comes."""
        if self._stopping.is_set():
            return
        _log.info("scheduled command starts", command=self._command)
        started_at = datetime.now(UTC)
        self._child = subprocess.Popen(self._command)
        code = self._child.wait()
        if code == 0:
            _log.info("scheduled command done", command=self._command)
        elif not self._stopping.is_set():
            failure = Failure(self._child.pid, started_at, datetime.now(UTC), code)
            _log.error("scheduled command failed", command=self._command, reason=failure.reason)
            self._failed(failure)

    def stop(self) -> None:
        """End a running child: politely, then by force; there will be no other. The next run sweeps up after it."""
        self._stopping.set()
        if self._child is None or self._child.poll() is not None:
            return
        self._child.terminate()
        try:
            self._child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
