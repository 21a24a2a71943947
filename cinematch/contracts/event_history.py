"""A user's older events, from whichever store still has them."""

from __future__ import annotations

from cinematch.contracts.speed_view import EventHistory
from cinematch.domain.events import Event


class JoinedHistory:
    """Two histories as one: `recent` has every event as soon as it is issued, but not for ever; `old` has it later,
    and keeps it (the outbox and the lake). Raises what they raise."""

    def __init__(self, recent: EventHistory, old: EventHistory) -> None:
        self._recent = recent
        self._old = old

    def events_after(self, user_id: str, sequence: int) -> list[Event]:
        """Give the user's events after `sequence`, in order, as far as the two together have them without a gap."""
        recent = self._recent.events_after(user_id, sequence)
        if recent:
            return recent
        old = self._old.events_after(user_id, sequence)
        return old + self._recent.events_after(user_id, old[-1].sequence) if old else []
