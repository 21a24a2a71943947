"""A fault counts when it took effect: when somebody stands still, has lost something, or complains."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.oracle.faults import Complaints, stop

GROUPS = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
print(child.pid, flush=True)
time.sleep(60)
"""
"""A parent with a child in a group of its own, as Spark's workers are."""


def test_who_stops_a_process_stops_its_children_in_groups_of_their_own_too() -> None:
    with subprocess.Popen([sys.executable, "-c", GROUPS], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        try:
            stopped = stop(parent.pid)
            assert {process.pid for process in stopped} == {parent.pid, child.pid}
            deadline = time.monotonic() + 10  # a signal takes its time
            while {process.status() for process in stopped} != {psutil.STATUS_STOPPED}:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        finally:
            child.kill()
            parent.kill()


@pytest.mark.parametrize(
    "line",
    [
        b"Error writing to the AOF file: No space left on device",
        b"Short write while writing to the AOF file: (nwritten=24, expected=1254)",
        b"java.io.IOException: No space left on device",
        b"Can't rewrite append only file: File too large",
    ],
)
def test_a_disk_is_full_when_its_server_says_so_after_it_was_filled(tmp_path: Path, line: bytes) -> None:
    log = tmp_path / "redis.log"
    log.write_bytes(b"No space left on device, yesterday\n" * 10)
    complaints = Complaints(log)
    assert not complaints.of_space()
    with log.open("ab") as file:
        file.write(line + b"\n")
    assert complaints.of_space()
    log.write_bytes(line)  # begun anew
    assert complaints.of_space()
