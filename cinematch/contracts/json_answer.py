"""JSON as every answer writes it: UTF-8, times as RFC 3339 in UTC with milliseconds, as in events."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

from cinematch.contracts.event_codec import rfc3339


def to_json(value: Any) -> bytes:
    """Write plain values; aware times in any depth. Raises TypeError for anything else."""
    return orjson.dumps(value, default=_time, option=orjson.OPT_PASSTHROUGH_DATETIME)


def _time(value: Any) -> str:
    if isinstance(value, datetime):
        return rfc3339(value)
    raise TypeError(f"{type(value).__name__} is no JSON value")
