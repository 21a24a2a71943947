"""The delta: a record of the topic `user-speed-deltas`, on its way from Spark's real-time mode to Redis.

Key and value are those of the event log's record. Headers say where that stood (`origin`: topic/partition/offset), and
why Spark holds it for no event (`reason`; null or absent: it found nothing against it).
"""

from __future__ import annotations

from typing import Final

ORIGIN_HEADER: Final = "origin"
REASON_HEADER: Final = "reason"
