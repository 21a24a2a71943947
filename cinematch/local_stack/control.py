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
from threading import Event
from typing import Final

from cinematch.errors import CineMatchError
from cinematch.local_stack.child_process import ChildProcess
from cinematch.local_stack.data_folder import SUPERVISOR, DataFolder
from cinematch.local_stack.orphans import STACK_VARIABLE, end_orphans
from cinematch.local_stack.service import SHOWN_LINES
from cinematch.local_stack.stack_status import StackStatus, current_status, stored_status

POLL_SECONDS: Final = 0.2
STOP_SECONDS: Final = 90.0  # the layers' grace, then the servers', and some


class StackFailed(CineMatchError):
    """The stack did not come up; the text carries the last lines of what failed."""


def launch(folder: DataFolder, *, detached: bool) -> Callable[[], int | None]:
    """Start a supervisor for `folder` and return at once, with a function that tells its exit code or None.

    Unless `detached`, it dies with this process, and its whole stack with it.
    """
    argv = [sys.executable, "-m", "cinematch", "supervise", "--data-dir", str(folder.path)]
    environment = os.environ | {STACK_VARIABLE: str(folder.path)}
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.log(SUPERVISOR).trim()
    if not detached:
        child = ChildProcess(argv, environment, folder.path, folder.log(SUPERVISOR))
        return lambda: child.exit_code
    with folder.log(SUPERVISOR).open() as log:
        process = subprocess.Popen(
            argv,
            env=environment,
            cwd=folder.path,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return process.poll


def await_running(
    folder: DataFolder,
    exit_code: Callable[[], int | None],
    changed: Callable[[StackStatus], None],
    stopping: Event,
) -> StackStatus:
    """Wait until the launched stack runs, calling `changed` with each new status.

    Raises StackFailed when it does not come up; ends it and raises the same when `stopping` is set before.
    """
    shown: StackStatus | None = None
    while not stopping.wait(POLL_SECONDS):
        ended = exit_code() is not None
        status = current_status(folder)
        if status != shown and status.phase != "stopped":
            shown = status
            changed(status)
        if status.phase == "running":
            return status
        if ended:
            raise failure(folder)
    end(folder)
    raise StackFailed("stopped before everything was ready")


def failure(folder: DataFolder) -> StackFailed:
    """Why the stack's supervisor ended: its own words, or its last lines when it had none left."""
    status = stored_status(folder)
    if status is not None and status.failure:
        return StackFailed(status.failure)
    return StackFailed("the supervisor ended:\n" + "\n".join(folder.log(SUPERVISOR).last_lines(SHOWN_LINES)))


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
