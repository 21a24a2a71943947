"""A child process that does not outlive its parent, in a process group of its own, its output in a log file."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from cinematch.local_stack.log_file import LogFile

PR_SET_PDEATHSIG: Final = 1  # Linux: the signal that a process gets when the thread that made it ends
GROUP_POLL_SECONDS: Final = 0.05


def death_pact() -> Callable[[], None] | None:
    """What a new child runs first, so that it is killed when its parent ends, by kill -9 too; None beside Linux."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def bind() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # the parent died before the pact was made
            os._exit(1)

    return bind


class ChildProcess:
    """One run of one program.

    The pact holds between the child and the *thread* that starts it: start children from threads that last.
    """

    def __init__(self, argv: Sequence[str | Path], environment: Mapping[str, str], folder: Path, log: LogFile) -> None:
        with log.open() as output:
            self._process = subprocess.Popen(
                [str(argument) for argument in argv],
                env=dict(environment),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=death_pact(),
            )

    @property
    def pid(self) -> int:
        """The process id, which is its group's id too."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative for the signal that ended it."""
        return self._process.poll()

    def terminate(self) -> None:
        """Ask the process to end; returns at once."""
        if self.exit_code is None:
            self._process.terminate()

    def kill(self) -> None:
        """End the whole group at once and wait for the process."""
        self._signal_group(signal.SIGKILL)
        self._process.wait()

    def stop(self, grace_seconds: float) -> None:
        """Ask the process to end, then the rest of its group; kill what is left after `grace_seconds`."""
        self.terminate()
        deadline = time.monotonic() + grace_seconds
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(grace_seconds)
        self._signal_group(signal.SIGTERM)
        while self._group_lives() and time.monotonic() < deadline:
            time.sleep(GROUP_POLL_SECONDS)
        self.kill()

    def _group_lives(self) -> bool:
        try:
            os.killpg(self.pid, 0)
        except (ProcessLookupError, PermissionError):
            return False
        return True

    def _signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)
