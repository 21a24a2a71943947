"""The delta: a record of the topic `user-speed-deltas`, on its way from Spark's real-time mode to Redis.

Key and value are those of the event log's record. Headers say where that stood (`origin`: topic/partition/offset), and
why Spark holds it for no event (`reason`; null or absent: it found nothing against it), and carry its trace on
(`traceparent`; null or absent: it had none).
"""

from __future__ import annotations

import re
from typing import Final

from cinematch.contracts.log_record import LogPartition, LogRecord

ORIGIN_HEADER: Final = "origin"
REASON_HEADER: Final = "reason"
REASON_MOST_CHARACTERS: Final = 1_000
"""Of a reason, ours are shorter: a letter must fit into one message whatever somebody wrote in its place."""
_ORIGIN: Final = re.compile(r"(?P<topic>[A-Za-z0-9._-]{1,249})/(?P<partition>[0-9]{1,9})/(?P<offset>[0-9]{1,18})")


def origin_of(delta: LogRecord) -> tuple[LogPartition, int] | None:
    """Give the place in the event log that a delta comes from; None for a record that our screening did not write."""
    origin = _ORIGIN.fullmatch((dict(delta.headers).get(ORIGIN_HEADER) or b"").decode(errors="replace"))
    return None if origin is None else (LogPartition(origin["topic"], int(origin["partition"])), int(origin["offset"]))


def reason_of(delta: LogRecord) -> str | None:
    """Give why the screening holds a delta for no event; None where it found nothing. It may be anybody's bytes."""
    reason = dict(delta.headers).get(REASON_HEADER)
    return reason.decode(errors="replace")[:REASON_MOST_CHARACTERS] if reason else None
