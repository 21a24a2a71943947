"""A process whose clock is wrong thinks so in all that it asks."""

from __future__ import annotations

import subprocess
import sys
import time

ASKED = "from datetime import datetime, UTC; import time; print(datetime.now(UTC).timestamp(), time.time())"


def test_every_question_for_the_time_is_answered_wrong() -> None:
    code = f"from tests.oracle.shifted_clock import shift; shift(-7200); {ASKED}"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    for moment in map(float, told):
        assert -7260 < moment - time.time() < -7199
