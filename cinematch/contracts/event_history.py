"""A user's older events, from whichever store still has them."""

from __future__ import annotations

import time
from collections.abc import Callable
from copy import copy
from typing import Final

from cinematch.contracts.speed_view import EventHistory
from cinematch.domain.events import Event
from cinematch.errors import StoreUnavailable

REST_SECONDS: Final = 10.0
"""A store that is away costs its whole timeout: it is asked once in this time, and not once for each user."""


class JoinedHistory:
    """Two histories as one: `recent` has every event as soon as it is issued, but not for ever; `old` has it later,
    and keeps it (the outbox and the lake). Raises what they raise; when `old` was unavailable, the same once more for
    REST_SECONDS, without asking."""

    def __init__(
        self, recent: EventHistory, old: EventHistory, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._recent = recent
        self._old = old
        self._monotonic = monotonic
        self._failure: tuple[float, StoreUnavailable] | None = None

    def events_after(self, user_id: str, sequence: int, reach: int) -> list[Event]:
        """Give the user's events after `sequence`, in order, as far as the two together have them without a gap.

        reach: an event that is known to have been issued; `old` is asked only where `recent` ends before it. Each may
        have holes that the other closes: what was published again stays in the outbox longer than what came after it.
        """
        events = self._recent.events_after(user_id, sequence)
        while (last := events[-1].sequence if events else sequence) < reach:
            old = self._old_after(user_id, last)
            recent = self._recent.events_after(user_id, old[-1].sequence) if old else []
            events += old + recent
            if not recent:
                break
        return events

    def _old_after(self, user_id: str, sequence: int) -> list[Event]:
        if self._failure and self._monotonic() < self._failure[0]:
            raise copy(self._failure[1])
        try:
            return self._old.events_after(user_id, sequence)
        except StoreUnavailable as error:
            self._failure = self._monotonic() + REST_SECONDS, error
            raise
