"""A process whose clock is wrong thinks so in all that it asks, and sees it jump while it runs."""

from __future__ import annotations

import subprocess
import sys
import time

LOOK = "print(datetime.now(UTC).timestamp(), time.time())"


def errors(jump_seconds: float, looks: int) -> list[float]:
    """Give by how much a process of its own is wrong, whenever it looks; two answers a look, a jump apart."""
    code = f"""
from tests.oracle.shifted_clock import shift
shift(-7200, {jump_seconds})
from datetime import datetime, UTC
import time
began = time.monotonic()
for look in range({looks}):
    time.sleep(max(0, began + (look + 0.05) * {jump_seconds} - time.monotonic()) if look else 0)
    {LOOK}
"""
    began = time.time()
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    return [float(moment) - began for moment in told]


def test_every_question_for_the_time_is_answered_wrong() -> None:
    for error in errors(jump_seconds=60, looks=1):
        assert -7201 < error < -7140


def test_what_the_layers_import_can_be_imported() -> None:
    code = "from tests.oracle.shifted_clock import shift; shift(7200); import pandas, pymongo, pyspark.sql, uvicorn"
    subprocess.run([sys.executable, "-c", f"{code}; import cinematch.api.application"], check=True)


def test_the_clock_of_a_running_process_jumps_to_and_fro() -> None:
    wrong = [error < -3600 for error in errors(jump_seconds=10, looks=4)]
    assert wrong == [True, True, False, False, True, True, False, False]
