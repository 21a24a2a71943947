"""How far events have arrived in the views that no client sees apart: the speed view, the lake and the batch view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

from cinematch.adapters import redis_client, s3_lake, s3_objects
from cinematch.adapters.kafka_log_watch import LogWatch, Offsets
from cinematch.adapters.redis_speed_view import RedisSpeedView
from cinematch.adapters.s3_lake_folder import LakeFolder
from cinematch.contracts.collections import USER_STATS_BATCH
from cinematch.contracts.lake_paths import EVENTS_FOLDER
from cinematch.domain.events import Event
from cinematch.settings import Settings
from tests.oracle.client import EventLogs
from tests.oracle.oracle import WrongAnswer

Sequences = Mapping[str, int]
"""User -> sequence."""


class Arrivals:
    """Looks into the stores of a stack, without its layers. A store that does not answer is StoreUnavailable."""

    def __init__(self, settings: Settings, database: Any) -> None:
        self._topic = settings.events_topic
        self._log = LogWatch(settings.kafka)
        self._folder = LakeFolder(s3_objects.connect(settings), EVENTS_FOLDER)
        self._lake = s3_lake.connect(settings)
        self._redis = redis_client.connect(settings)
        self._view = RedisSpeedView(self._redis, settings.speed_idle_expiry_seconds)
        self._batch = database[USER_STATS_BATCH]

    def close(self) -> None:
        """End the connections."""
        self._log.close()
        self._redis.close()

    def log_ends(self) -> Offsets:
        """Give the offset behind the last record of each partition."""
        return self._log.ends(self._topic)

    def lake_reaches(self, ends: Offsets) -> bool:
        """Say whether the lake has all records of the log before these offsets."""
        links = self._folder.last_links()
        return all(place in links and links[place].next_offset >= end for place, end in ends.items() if end)

    def speed_view_has(self, issued: Sequences) -> bool:
        """Say whether batch and speed view together have every event up to these."""
        published = self.published()
        due = {user: last for user, last in issued.items() if last > published.get(user, 0)}
        return covers(published, self._view.boundaries(list(due)), due)

    def published(self) -> dict[str, int]:
        """Give the published boundary of each user."""
        return {it["_id"]: it["as_of_sequence"] for it in self._batch.find({}, {"as_of_sequence": 1})}

    def check_lake(self, logs: EventLogs, issued: Sequences) -> None:
        """The lake has every event of these users, and each as it was issued. Raises WrongAnswer."""
        stored = self._lake.events_of(issued)
        for user, last in issued.items():
            log = logs.of(user, at_least=last)
            if len(log) < last or stored[user] != log:
                lengths = f"log and lake have {len(log)} and {len(stored[user])}"
                alike = f"of which the first {alike_events(log, stored[user])} are the same"
                raise WrongAnswer(f"{user}: {last} events were issued, {lengths}, {alike}")

    def check_batch_view(self, issued: Sequences) -> None:
        """After a batch run the published boundary of each user is the last sequence. Raises WrongAnswer."""
        published = self.published()
        if published != issued:
            users = sorted(user for user in {*issued, *published} if published.get(user) != issued.get(user))
            told = {user: (published.get(user), issued.get(user)) for user in users}
            raise WrongAnswer(f"(published boundary, last sequence issued) by user: {told}")


def covers(published: Sequences, views: Mapping[str, tuple[int, int]], due: Sequences) -> bool:
    """Say whether each user's view begins no later than the published boundary, and reaches the sequence that is due.

    views: user -> base and last sequence.
    """
    return all(
        user in views and views[user][0] <= published.get(user, 0) and views[user][1] >= last
        for user, last in due.items()
    )


def alike_events(one: Sequence[Event], other: Sequence[Event]) -> int:
    """Count the events with which both begin."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
