"""How commands deal with a stack that runs, or shall run, in another process: launch it, await it, end it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Final

from cinematch.errors import CineMatchError
from cinematch.local_stack.child_process import death_pact
from cinematch.local_stack.data_folder import SUPERVISOR, DataFolder
from cinematch.local_stack.orphans import STACK_VARIABLE, end_orphans
from cinematch.local_stack.service import SHOWN_LINES
from cinematch.local_stack.stack_status import StackStatus, current_status, stored_status

POLL_SECONDS: Final = 0.2
RESTART_SECONDS: Final = 60.0  # for a part that failed after the stack was up: Spark takes a third of it
STOP_SECONDS: Final = 90.0  # the layers' grace, then the servers', and some


class StackFailed(CineMatchError):
    """The stack did not come up, or ended by itself; the text carries the last lines of what failed."""


class LaunchedStack:
    """The supervisor that this process started for `folder`.

    Unless `detached`, it dies with this process, and its whole stack with it.
    """

    def __init__(self, folder: DataFolder, *, detached: bool) -> None:
        self._folder = folder
        folder.path.mkdir(parents=True, exist_ok=True)
        folder.log(SUPERVISOR).trim()
        with folder.log(SUPERVISOR).open() as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cinematch", "supervise", "--data-dir", str(folder.path)],
                env=os.environ | {STACK_VARIABLE: str(folder.path)},
                cwd=folder.path,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=None if detached else death_pact(),
            )

    @property
    def runs(self) -> bool:
        """Whether the supervisor lives."""
        return self._process.poll() is None

    def await_running(self, changed: Callable[[StackStatus], None]) -> StackStatus:
        """Wait until every server and layer runs, calling `changed` with each new status.

        Raises StackFailed when they do not.
        """
        shown: StackStatus | None = None
        patience = _Patience()
        while True:
            lives = self.runs
            status = current_status(self._folder)
            if status != shown and status.pid == self._process.pid:
                shown = status
                changed(status)
            if status.pid == self._process.pid and patience.is_rewarded(status):
                return status
            if not lives:
                raise self.failure() or StackFailed("the stack was stopped before it was ready")
            time.sleep(POLL_SECONDS)

    def failure(self) -> StackFailed | None:
        """Why the supervisor ended: its own words, else its last lines; None when it was told to end."""
        status = stored_status(self._folder)
        if status is not None and status.pid == self._process.pid:
            if status.failure:
                return StackFailed(status.failure)
            if status.phase == "stopped" and self._process.returncode == 0:
                return None
        last = self._folder.log(SUPERVISOR).last_lines(SHOWN_LINES)
        return StackFailed("\n".join(["the supervisor ended:", *last]))

    def end(self) -> None:
        """Stop the stack and whatever is left of it; another supervisor's stack in the same folder stays."""
        if self.runs or not self._folder.is_held:
            end(self._folder)


class _Patience:
    """Waits for the parts of a stack that is up but not whole: a part that failed is being started again."""

    def __init__(self) -> None:
        self._ends: float | None = None

    def is_rewarded(self, status: StackStatus) -> bool:
        """Whether every part runs. Raises StackFailed, with the last lines, when one took too long to come back."""
        if status.ready or status.phase != "running":
            self._ends = None
            return status.ready
        if self._ends is None:
            self._ends = time.monotonic() + RESTART_SECONDS
        if time.monotonic() > self._ends:
            parts = (
                f"{name} is not ready: {part.last_error or part.detail}" for name, part in status.unready().items()
            )
            raise StackFailed("\n".join(parts))
        return False


def await_ready(folder: DataFolder, changed: Callable[[StackStatus], None]) -> StackStatus:
    """Wait until every server and layer runs of the stack that somebody else launched in `folder`.

    Calls `changed` with each new status. Raises StackFailed when the stack is being stopped, ends, or stays unready.
    """
    shown: StackStatus | None = None
    patience = _Patience()
    while not patience.is_rewarded(status := current_status(folder)):
        if status.phase == "stopping":
            raise StackFailed(
                status.failure or f"the stack in {folder.path} is being stopped: run this again when it has ended"
            )
        if status.phase in ("stopped", "failed"):
            raise StackFailed(status.failure or "the stack was stopped before it was ready")
        if status != shown:
            shown = status
            changed(status)
        time.sleep(POLL_SECONDS)
    changed(status)
    return status


def end(folder: DataFolder) -> bool:
    """Stop the stack of `folder` and whatever is left of it; False when nothing ran."""
    ran = folder.is_held
    if ran:
        _end_supervisor(folder)
    return end_orphans(folder.path) > 0 or ran


def running_environment(folder: DataFolder) -> dict[str, str]:
    """The settings that lead to the servers of the stack in `folder`; empty when none runs."""
    if not folder.is_held or not folder.environment_file.exists():
        return {}
    stored: dict[str, str] = json.loads(folder.environment_file.read_text())
    return stored


def _end_supervisor(folder: DataFolder) -> None:
    """Ask the supervisor to stop and wait; what takes longer is killed by `end_orphans`."""
    deadline = time.monotonic() + STOP_SECONDS
    asked: int | None = None
    while folder.is_held and time.monotonic() < deadline:
        supervisor = current_status(folder).pid
        if supervisor is not None and supervisor != asked:
            asked = supervisor
            with contextlib.suppress(ProcessLookupError):
                os.kill(supervisor, signal.SIGTERM)
        time.sleep(POLL_SECONDS)
