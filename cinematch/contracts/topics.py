"""Kafka topics."""

from __future__ import annotations

from typing import Final

USER_MOVIE_EVENTS: Final = "user-movie-events"
"""The event log: key = user_id, so one user's events are in one partition, in order."""
DEAD_LETTER: Final = "user-movie-events.dead-letter"
"""Records that are no event, with the reason, and where they came from."""
USER_SPEED_DELTAS: Final = "user-speed-deltas"
"""Validated events on their way from Spark's real-time mode to the consumer group that applies them to Redis."""
EVENT_PARTITIONS: Final = 4
"""Partitions of the event log on the embedded stack; production sets what its throughput needs, once."""
