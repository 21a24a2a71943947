"""One batch run at a time; a run waits for an erasure that is at work, and no later erasure overtakes it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from cinematch.contracts.batch_status import BATCH_LEASE
from cinematch.contracts.exclusion import Lease, is_erasure
from cinematch.telemetry import get_logger

LEASE_NAME: Final = BATCH_LEASE
PATIENCE_SECONDS: Final = 600.0
"""An erasure has the lease for as long as it takes to write some objects of the lake anew."""
LOOK_SECONDS: Final = 0.5
_log = get_logger(__name__)


def wait_for_erasure(
    lease: Lease, patience_seconds: float = PATIENCE_SECONDS, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Return once no erasure holds the lease, or when patience is over; until it is taken, no erasure takes it again.

    Whoever else holds it is not waited for.
    """
    lease.reserve()
    deadline, holder = time.monotonic() + patience_seconds, lease.holder()
    if is_erasure(holder):
        _log.info("this batch run waits for an erasure", holder=holder, at_most_seconds=patience_seconds)
    while is_erasure(lease.holder()) and time.monotonic() < deadline:
        sleep(LOOK_SECONDS)
        lease.reserve()
