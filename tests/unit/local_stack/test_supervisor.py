"""What a supervisor does when its stack ends, whatever goes wrong meanwhile; real processes: tests/integration."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from threading import Event

import pytest

from cinematch.local_stack import supervisor
from cinematch.local_stack.data_folder import DataFolder
from cinematch.local_stack.service import Service
from cinematch.local_stack.stack import Stack
from cinematch.local_stack.stack_status import StackStatus, stored_status, write_status
from cinematch.local_stack.supervisor import Supervisor


class NotedService(Service):
    """A service without a process; it notes its end, and serves at once: the last one of a stack then stops it."""

    def __init__(self, folder: DataFolder, name: str, done: list[str], stopping: Event | None = None) -> None:
        super().__init__(folder.service(name), folder.log(name))
        self.name = name
        self._done = done
        self._stopping = stopping

    def argv(self) -> Sequence[str | Path]:
        raise AssertionError("no process is started")

    @property
    def alive(self) -> bool:
        return True

    def start(self) -> None:
        """Nothing to start."""

    def ready(self) -> bool:
        if self._stopping is not None:
            self._stopping.set()
        return True

    def stop(self) -> None:
        self._done.append(f"stop {self.name}")


@pytest.mark.parametrize("failing", [{"stopping"}, {"stopped"}, {"stopping", "stopped"}])
def test_a_status_that_cannot_be_written_keeps_no_part_of_the_stack_alive(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, failing: set[str]
) -> None:
    folder, done, stopping = DataFolder(tmp_path), list[str](), Event()

    def write(folder: DataFolder, status: StackStatus) -> None:
        if status.phase in failing:
            raise OSError("no space left on device")
        write_status(folder, status)

    def build() -> Stack:
        server, layer = NotedService(folder, "server", done), NotedService(folder, "layer", done, stopping)
        monkeypatch.setattr(supervisor, "end_orphans", lambda path: done.append("end orphans"))
        return Stack([server], [layer], {}, {}, {})

    monkeypatch.setattr(supervisor, "turn_to_choose", lambda give_up: nullcontext())
    monkeypatch.setattr(supervisor, "end_orphans", lambda path: None)  # those of an earlier supervisor
    monkeypatch.setattr(supervisor, "write_status", write)
    with pytest.raises(OSError, match="no space left"):
        Supervisor(folder, build, stopping).run()
    assert done == ["stop layer", "stop server", "end orphans"]
    stored = stored_status(folder)
    assert stored is not None
    assert (stored.phase == "stopped") is ("stopped" not in failing)
