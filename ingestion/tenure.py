"""Being the one relay: holding its lease, and being sure of it before every step."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Protocol

from cinematch.errors import Conflict

LEASE_NAME: Final = "outbox_relay"
LEASE_SECONDS: Final = 6.0
"""How long the next relay waits for one that was killed."""
_RENEW_SECONDS: Final = LEASE_SECONDS / 3


class Lease(Protocol):
    """A lease that only one owner holds; every call may raise StoreUnavailable."""

    def acquire(self) -> bool:
        """Take the lease unless somebody else holds it."""

    def renew(self) -> bool:
        """Prolong it; False when somebody else has taken it."""

    def release(self) -> None:
        """Give it back."""


class LeaseLost(Conflict):
    """Another relay may be at work."""


class Tenure:
    """The time for which we hold the lease, by our own clock, which started before the database's did."""

    def __init__(self, lease: Lease, clock: Callable[[], float] = time.monotonic) -> None:
        self._lease = lease
        self._clock = clock
        self._asked_at = 0.0

    def begin(self) -> bool:
        """Take the lease, unless another relay holds it."""
        asked_at = self._clock()
        taken = self._lease.acquire()
        self._asked_at = asked_at
        return taken

    def check(self) -> None:
        """Return when the lease is surely ours, prolonging it when it is time to. Raises LeaseLost.

        A process that was suspended beyond its lease learns it here, before it sends anything more.
        """
        now = self._clock()
        if now - self._asked_at >= LEASE_SECONDS:
            raise LeaseLost("the relay was held up for longer than its lease")
        if now - self._asked_at >= _RENEW_SECONDS:
            if not self._lease.renew():
                raise LeaseLost("another relay has taken over")
            self._asked_at = now

    def end(self) -> None:
        """Give the lease back, so that the next relay need not wait."""
        self._lease.release()
