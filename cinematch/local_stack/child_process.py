"""A child process that does not outlive its parent, in a session of its own, its output in a log file."""

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

import psutil

from cinematch.local_stack.log_file import LogFile

PR_SET_PDEATHSIG: Final = 1  # Linux: the signal that a process gets when the thread that made it ends
POLL_SECONDS: Final = 0.05


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
        """The process id, which is its group's and its session's id too."""
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
        """End the whole session at once and wait for the process."""
        self._signal_group(signal.SIGKILL)
        self._process.wait()
        while strays := self._strays():  # again and again, for one that forks may be quicker than a look at all
            _signal_each(strays, signal.SIGKILL)

    def stop(self, grace_seconds: float) -> None:
        """Ask the process to end, then the rest of its session; kill what is left after `grace_seconds`."""
        self.terminate()
        deadline = time.monotonic() + grace_seconds
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(grace_seconds)
        self._signal_group(signal.SIGTERM)
        _signal_each(self._strays(), signal.SIGTERM)
        while self._session_lives() and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        self.kill()

    def _session_lives(self) -> bool:
        try:
            os.killpg(self.pid, 0)
        except (ProcessLookupError, PermissionError):
            return bool(self._strays())
        return True

    def _signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _strays(self) -> list[int]:
        """Who is in our session but has left our group, as Spark's Python workers do: no signal to it ends them."""
        return [pid for pid in psutil.pids() if pid != self.pid and _session_of(pid) == self.pid and _lives(pid)]


def _signal_each(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except (ProcessLookupError, PermissionError):
        return None


def _lives(pid: int) -> bool:
    """Whether it is more than an entry that nobody has reaped yet."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
