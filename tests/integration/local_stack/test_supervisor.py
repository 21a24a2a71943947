"""Supervision of real processes: restart, give up, and leave none behind, whatever ends the supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Event, Thread

import pytest

from cinematch.local_stack.data_folder import DataFolder
from cinematch.local_stack.orphans import STACK_VARIABLE, end_orphans, is_stack_process, stack_processes
from cinematch.local_stack.service import Service
from cinematch.local_stack.stack import Stack
from cinematch.local_stack.stack_status import StackStatus, stored_status
from cinematch.local_stack.supervisor import Supervisor

pytestmark = pytest.mark.integration
PATIENCE_SECONDS = 120.0


class ShellService(Service):
    """A server or layer that is a line of shell; it serves as long as it lives, unless it is called `broken`."""

    def __init__(self, folder: DataFolder, name: str, line: str) -> None:
        super().__init__(folder.service(name), folder.log(name))
        self.name = name
        self._line = line

    def argv(self) -> Sequence[str | Path]:
        return ["sh", "-c", self._line]

    def environment(self) -> dict[str, str]:
        return {STACK_VARIABLE: str(self.folder.parent.parent)}

    def ready(self) -> bool:
        return self.alive and self.name != "broken"


def stack_of(folder: DataFolder, **lines: str) -> Callable[[], Stack]:
    services = [ShellService(folder, name, line) for name, line in lines.items()]
    return lambda: Stack(services[:1], services[1:], {}, {}, {})


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.05)


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data")


class Run:
    """A supervisor in a thread of its own."""

    def __init__(self, folder: DataFolder, build: Callable[[], Stack]) -> None:
        self._folder = folder
        self._stopping = Event()
        self._supervisor = Supervisor(folder, build, self._stopping)
        self.succeeded: bool | None = None
        self._thread = Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        self.succeeded = self._supervisor.run()

    def status(self) -> StackStatus:
        return stored_status(self._folder) or StackStatus("stopped")

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive()


@pytest.fixture
def run(folder: DataFolder) -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def begin(**lines: str) -> Run:
        runs.append(Run(folder, stack_of(folder, **lines)))
        return runs[-1]

    yield begin
    for each in runs:
        each.stop()


def test_a_killed_service_is_started_again_and_reported(run: Callable[..., Run]) -> None:
    running = run(server="exec sleep 300", layer="exec sleep 300")
    eventually(lambda: running.status().phase == "running")
    first = running.status().layers["layer"].pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    eventually(lambda: running.status().layers["layer"].restarts == 1)
    eventually(lambda: running.status().layers["layer"].state == "running")
    layer = running.status().layers["layer"]
    assert layer.pid != first
    assert "SIGKILL" in layer.last_error
    assert running.status().servers["server"].restarts == 0


def test_stopping_ends_grandchildren_too(run: Callable[..., Run], folder: DataFolder) -> None:
    running = run(server="sleep 300 & sleep 301 & wait", layer="setsid sleep 302 & wait")
    eventually(lambda: running.status().phase == "running")
    eventually(lambda: len(stack_processes(folder.path)) >= 5)
    running.stop()
    assert running.succeeded
    assert stack_processes(folder.path) == []
    assert running.status().phase == "stopped"


LEAVES_ITS_GROUP = """exec %s -c '
import os, sys, time
if os.fork() == 0:
    os.setpgid(0, 0)
    open(sys.argv[1], "a").write(f"{os.getpid()} ")
time.sleep(300)
' %s"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_layers_children_in_a_group_of_their_own_end_before_it_is_started_again(
    run: Callable[..., Run], folder: DataFolder, tmp_path: Path, number: signal.Signals
) -> None:
    """Spark's Python workers are such: one that waits for a store would be a second writer beside the new one."""
    pids = tmp_path / "pids"
    running = run(server="exec sleep 300", layer=LEAVES_ITS_GROUP % (sys.executable, pids))
    eventually(lambda: pids.exists() and len(pids.read_text().split()) == 1)
    child = int(pids.read_text())
    layer = running.status().layers["layer"].pid
    assert layer is not None
    os.kill(layer, number)
    eventually(lambda: len(pids.read_text().split()) == 2)
    assert not is_stack_process(child, folder.path)


def test_a_layer_that_keeps_ending_fails_the_start_with_its_last_lines(
    run: Callable[..., Run], folder: DataFolder
) -> None:
    running = run(server="exec sleep 300", broken="echo no more cheese; exit 4")
    eventually(lambda: running.succeeded is not None)
    assert running.succeeded is False
    assert running.status().phase == "failed"
    assert "exit code 4" in running.status().failure
    assert "no more cheese" in running.status().failure
    assert stack_processes(folder.path) == []


KILLED_SUPERVISOR = """
import sys
from pathlib import Path
from threading import Event
from cinematch.local_stack.data_folder import DataFolder
from cinematch.local_stack.supervisor import Supervisor
sys.path.insert(0, sys.argv[2])
from test_supervisor import stack_of
folder = DataFolder(Path(sys.argv[1]))
Supervisor(folder, stack_of(folder, server="setsid sleep 300 & exec sleep 301"), Event()).run()
"""


def test_nothing_outlives_a_killed_supervisor_past_the_next_start(folder: DataFolder) -> None:
    argv = [sys.executable, "-c", KILLED_SUPERVISOR, str(folder.path), str(Path(__file__).parent)]
    supervisor = subprocess.Popen(argv)
    eventually(lambda: (stored_status(folder) or StackStatus("stopped")).phase == "running")
    server = (stored_status(folder) or StackStatus("stopped")).servers["server"].pid
    assert server is not None
    eventually(lambda: len(stack_processes(folder.path)) == 2)
    supervisor.kill()
    supervisor.wait()
    assert not folder.is_held
    eventually(lambda: not is_stack_process(server, folder.path))  # its own child dies with it
    assert len(stack_processes(folder.path)) == 1  # a grandchild that left the group does not
    assert end_orphans(folder.path) == 1
    assert stack_processes(folder.path) == []


def test_processes_of_another_stack_are_left_alone(folder: DataFolder, tmp_path: Path) -> None:
    other = tmp_path / "other"
    with subprocess.Popen(["sleep", "300"], env={STACK_VARIABLE: str(other)}) as stranger:
        assert end_orphans(folder.path) == 0
        assert stranger.poll() is None
        assert end_orphans(other) == 1
