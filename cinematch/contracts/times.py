"""Times as stores and messages have them: aware and of UTC, or whole milliseconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def as_utc(moment: datetime) -> datetime:
    """Give a time of a store as an aware UTC time (drivers hand out naive ones unless told otherwise)."""
    if moment.tzinfo is UTC:
        return moment
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def in_milliseconds(moment: datetime) -> int:
    """Give a time as whole milliseconds since 1970, exactly, what is less cut off."""
    return (moment - _EPOCH) // _MILLISECOND


def from_milliseconds(milliseconds: int) -> datetime:
    """Give back the time of `in_milliseconds`."""
    return _EPOCH + milliseconds * _MILLISECOND
