"""A full disk takes nothing more, as root's file system and as a limit for who is not root."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.oracle.disks import Disks

APPENDS = """
import sys, time
while True:
    try:
        with open(sys.argv[1], "ab") as file:
            file.write(bytes(100_000))
    except OSError:
        pass
    time.sleep(0.02)
"""


@pytest.mark.parametrize("is_root", [True, False])
def test_a_full_disk_takes_nothing_until_it_has_space_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_root: bool
) -> None:
    if not is_root:
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with closing(Disks([tmp_path / "server"])) as disks:
        file = tmp_path / "server" / "log"
        with subprocess.Popen([sys.executable, "-c", APPENDS, str(file)]) as writer:
            try:
                await_growth(file)
                disks.fill("server", writer.pid)
                time.sleep(0.1)  # what is under way
                full = file.stat().st_size
                time.sleep(0.3)
                assert file.stat().st_size == full
                disks.free("server", writer.pid)
                await_growth(file)
            finally:
                writer.kill()


def await_growth(file: Path) -> None:
    """Wait until more is written."""
    before, deadline = file.stat().st_size if file.exists() else 0, time.monotonic() + 20
    while not file.exists() or file.stat().st_size <= before:
        assert time.monotonic() < deadline, "nothing is written"
        time.sleep(0.02)
