"""Seats for answers that last: so many at a time, and so few of them for one sender that nobody takes them all.

A sender is the user of a token or, without one, an address, as for the limits of requests. With AUTH=off everybody is
at this machine, and only the number of all seats counts. Each process has seats of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from fastapi import Request

from cinematch.api.guard import Guard
from cinematch.api.rate_limits import TooManyRequests, network_of
from cinematch.errors import StoreUnavailable

PER_SENDER: Final = 10
"""Of one kind: the open pages of one person."""
RETRY_SECONDS: Final = 10


class Seats:
    """Seats of one kind, `name`. For one event loop."""

    def __init__(self, name: str, seats_max: int, per_sender: int = PER_SENDER) -> None:
        self._name = name
        self._seats_max = seats_max
        self._per_sender = per_sender
        self._taken = 0
        self._by_sender: Counter[str] = Counter()

    @contextmanager
    def taken_by(self, sender: str | None) -> Iterator[None]:
        """Have a seat meanwhile; None is nobody in particular.

        Raises StoreUnavailable when all are taken, TooManyRequests when this sender has theirs already.
        """
        if self._taken >= self._seats_max:
            raise StoreUnavailable(self._name, f"all of its {self._seats_max} seats are taken")
        if sender is not None and self._by_sender[sender] >= self._per_sender:
            detail = f"{self._name} has {self._per_sender} seats for one sender"
            raise TooManyRequests(detail, {"Retry-After": str(RETRY_SECONDS)})
        self._count(sender, 1)
        try:
            yield
        finally:
            self._count(sender, -1)

    def _count(self, sender: str | None, change: int) -> None:
        self._taken += change
        if sender is not None:
            self._by_sender[sender] += change
            self._by_sender += Counter()  # forgets who has none


async def seat_sender(request: Request) -> str | None:
    """Give to whom a seat counts."""
    guard: Guard = request.app.state.guard
    if not guard.is_on:
        return None
    caller = (await guard.visitor(request)).caller
    if caller is not None:
        return f"user {caller.user_id}"
    return f"address {network_of(request.client.host)}" if request.client else "address unknown"
