"""Who steps back where cores are few: everybody behind the API, the log's path before the views of the night."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from cinematch.local_stack.layers import LAYERS
from cinematch.local_stack.log_file import LogFile
from cinematch.local_stack.service import BEHIND_ANSWERS, LAST, Service


class Sleeper(Service):
    """A program that does nothing, as far back as it is told."""

    name = "sleeper"

    def __init__(self, folder: Path, niceness: int) -> None:
        super().__init__(folder, LogFile(folder / "log"))
        self._niceness = niceness

    @property
    def niceness(self) -> int:
        return self._niceness

    def argv(self) -> Sequence[str | Path]:
        return [sys.executable, "-c", "import time; time.sleep(60)"]

    def ready(self) -> bool:
        return True


@pytest.mark.parametrize("niceness", [0, BEHIND_ANSWERS, LAST])
def test_a_program_steps_back_itself_and_with_its_session(tmp_path: Path, niceness: int) -> None:
    own = psutil.Process().nice()
    sleeper = Sleeper(tmp_path, niceness)
    sleeper.start()
    try:
        assert sleeper.pid is not None
        process = psutil.Process(sleeper.pid)
        deadline = time.monotonic() + 10
        while process.cmdline()[:1] != [sys.executable] and time.monotonic() < deadline:
            time.sleep(0.01)  # the shell gives way to the program
        assert process.cmdline()[:1] == [sys.executable]
        assert process.nice() == min(own + niceness, 19)
        weight = Path(f"/proc/{sleeper.pid}/autogroup")
        if niceness and os.access(weight, os.W_OK):
            assert weight.read_text().endswith(f" nice {niceness}\n")
    finally:
        sleeper.kill()


def test_the_api_goes_first_and_the_views_last() -> None:
    niceness = {spec.name: spec.niceness for spec in LAYERS}
    assert niceness["api"] == 0
    assert niceness["relay"] == niceness["speed_layer"] == BEHIND_ANSWERS
    assert niceness["micro_batch"] == niceness["data_lake"] == niceness["scheduler"] == LAST
