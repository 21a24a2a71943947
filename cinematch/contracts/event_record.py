"""An event as a record of the log: its key is its user, so that one user's events are in one partition, in order."""

from __future__ import annotations

from cinematch.contracts.event_codec import decode
from cinematch.domain.events import Event
from cinematch.errors import InvalidEvent


def read_event(key: bytes | None, value: bytes | None) -> Event:
    """Read one record. Raises InvalidEvent, also for an event under another key: in its partition it has no order."""
    event = decode(value)
    if key != event.user_id.encode():
        raise InvalidEvent("the message's key is not its user_id")
    return event
