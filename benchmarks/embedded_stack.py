"""The whole embedded stack, by the command that people type: `cinematch demo` in a temporary folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from benchmarks.child_commands import cinematch
from cinematch.local_stack.child_process import death_pact
from cinematch.local_stack.data_folder import SUPERVISOR, DataFolder

GRACE_SECONDS: Final = 90.0


@dataclass(frozen=True, slots=True)
class EmbeddedStack:
    """A running stack with its data in `folder`; `start_seconds` is how long the demo took until its last line."""

    folder: Path
    start_seconds: float

    def status(self) -> dict[str, Any]:
        """Give `cinematch status --json`."""
        told: dict[str, Any] = json.loads(cinematch({"CINEMATCH_DATA_DIR": str(self.folder)}, "status", "--json"))
        return told

    def environment(self) -> dict[str, str]:
        """Give the settings of the stack's own layers."""
        written: dict[str, str] = json.loads(DataFolder(self.folder).environment_file.read_text())
        return written

    def parts(self) -> dict[str, int]:
        """Give the process id of each server and layer that runs, and of the supervisor."""
        status = self.status()
        pids = {name: part["pid"] for name, part in (status["servers"] | status["layers"]).items() if part["pid"]}
        return pids | {SUPERVISOR: status["pid"]}

    def processor_seconds(self) -> float:
        """Give what all its processes have taken so far; what had ended before is not in it."""
        pids = [pid for name, pid in self.parts().items() if name != SUPERVISOR]
        return sum(_processor_seconds(process) for pid in pids for process in _family(pid))


def memory_of(parts: Mapping[str, int]) -> dict[str, float]:
    """Give each part's MiB (PSS: what several share counts once in all); all others are the supervisor's children."""
    return {name: _own_mebibytes(pid) if name == SUPERVISOR else mebibytes(pid) for name, pid in parts.items()}


@contextmanager
def empty_folder() -> Iterator[Path]:
    """Give a folder that is gone after the block."""
    with tempfile.TemporaryDirectory(prefix="cinematch-bench-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@contextmanager
def demo(
    environment: Mapping[str, str] | None = None, data: Path | None = None, checkout: Path | None = None
) -> Iterator[EmbeddedStack]:
    """Run `cinematch demo` until the end of the block; inside of it the demo's data are visible.

    `data`: the folder of an earlier demo, or one to keep; None: an empty one. `checkout`: another working tree whose
    own environment is to run it. Raises RuntimeError when the demo ends before its last line.
    """
    with nullcontext(data) if data else empty_folder() as folder:
        own = {"CINEMATCH_DATA_DIR": str(folder), "PYTHONUNBUFFERED": "1", "AUTH": "off"}
        began = time.monotonic()
        python = str(checkout / ".venv" / "bin" / "python") if checkout else sys.executable
        child = subprocess.Popen(
            [python, "-m", "cinematch", "demo"],
            cwd=checkout,
            env=os.environ | own | dict(environment or {}),
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for us: we end it in good order
            preexec_fn=death_pact(),
        )
        try:
            _read_until_ready(child)
            yield EmbeddedStack(folder, time.monotonic() - began)
        finally:
            child.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                child.wait(GRACE_SECONDS)
            child.kill()


def _read_until_ready(child: subprocess.Popen[str]) -> None:
    told = []
    for line in child.stdout or ():
        told.append(line)
        if line.startswith("API "):
            return
    raise RuntimeError(f"the demo ended: {''.join(told[-10:])}")


def mebibytes(pid: int) -> float:
    """Give the memory of a process and all that it started (PSS); 0 when it has ended."""
    return sum(_own_mebibytes(member.pid) for member in _family(pid))


def _family(pid: int) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def _processor_seconds(process: psutil.Process) -> float:
    with suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


def _own_mebibytes(pid: int) -> float:
    with suppress(psutil.NoSuchProcess):
        return float(psutil.Process(pid).memory_full_info().pss / 2**20)
    return 0.0
