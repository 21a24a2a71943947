"""What servers and layers have in common: a program that is started, becomes ready, and is ended or killed."""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final

from cinematch.errors import CineMatchError
from cinematch.local_stack.child_process import ChildProcess
from cinematch.local_stack.log_file import LogFile

READY_POLL_SECONDS: Final = 0.1
SHOWN_LINES: Final = 15
BEHIND_ANSWERS: Final = 5
"""A niceness for who is to be quick, but not before the API and its stores: somebody waits for those."""
LAST: Final = 19
"""A niceness: the least share of a busy core."""
STEP_BACK: Final = 'echo "$1" 2>/dev/null >/proc/self/autogroup; exec nice -n "$@"'
"""Linux weighs sessions against each other, so the nice of a process counts only within its own session."""


class ServiceFailed(CineMatchError):
    """A server or layer ended or did not become ready; the text carries its last lines."""


class Service(ABC):
    """One program of the stack. It can be started again after it ended, on the same address, with its data."""

    name: str
    start_seconds: ClassVar[float] = 60.0  # how long it may take to become ready on a slow machine
    grace_seconds: ClassVar[float] = 15.0  # how long it may take to end when asked

    def __init__(self, folder: Path, log: LogFile) -> None:
        self.folder = folder
        self.log = log
        self.process: ChildProcess | None = None

    @abstractmethod
    def argv(self) -> Sequence[str | Path]:
        """The command line."""

    @abstractmethod
    def ready(self) -> bool:
        """One short attempt to see whether it serves, provisioning included; idempotent and never raises."""

    def prepare(self) -> None:  # noqa: B027 - most services need nothing
        """Whatever must be on disk before a start; idempotent."""

    def environment(self) -> dict[str, str]:
        """The variables that it gets beside those of this process."""
        return {}

    @property
    def niceness(self) -> int:
        """How far it steps back where cores are few: a view may be late, an answer may not."""
        return 0

    @property
    def metrics_url(self) -> str | None:
        """Where it tells its metrics; None when it does not."""
        return None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self.process.pid if self.process is not None and self.alive else None

    @property
    def alive(self) -> bool:
        """Whether the process runs, ready or not."""
        return self.process is not None and self.process.exit_code is None

    def start(self) -> None:
        """Start it and return at once; see `wait_ready`. Nothing happens when it runs."""
        if self.alive:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        self.prepare()
        self.process = ChildProcess(self._command(), os.environ | self.environment(), self.folder, self.log)

    def _command(self) -> list[str | Path]:
        command = list(self.argv())
        return ["sh", "-c", STEP_BACK, "sh", str(self.niceness), *command] if self.niceness else command

    def wait_ready(self) -> None:
        """Wait until it serves. Raises ServiceFailed when it ends before that or takes too long."""
        deadline = time.monotonic() + self.start_seconds
        while not self.ready():
            if not self.alive:
                raise ServiceFailed(f"{self.name} ended at its start:\n{self.last_words()}")
            if time.monotonic() > deadline:
                raise ServiceFailed(f"{self.name} was not ready in {self.start_seconds:.0f} s:\n{self.last_words()}")
            time.sleep(READY_POLL_SECONDS)

    def terminate(self) -> None:
        """Ask it to end, without waiting."""
        if self.process is not None:
            self.process.terminate()

    def stop(self) -> None:
        """End it in good order, by force when it takes longer than its grace."""
        if self.process is not None:
            self.process.stop(self.grace_seconds)

    def kill(self) -> None:
        """kill -9, with its whole process group."""
        if self.process is not None:
            self.process.kill()

    def last_words(self) -> str:
        """Its last lines of output."""
        return "\n".join(self.log.last_lines(SHOWN_LINES))
