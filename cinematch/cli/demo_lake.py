"""How the demo knows that the lake has what was loaded: a batch that runs earlier would find nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from cinematch.adapters.kafka_log_watch import LogWatch, Offsets
from cinematch.settings import load_settings


class Log(Protocol):
    """What is asked of Kafka; see `LogWatch`."""

    def ends(self, topic: str) -> Offsets:
        """Give the end of each partition."""

    def committed(self, group: str, topic: str) -> Offsets:
        """Give how far a group is in each partition."""


class LakeProgress:
    """Whether the lake's sink has stored all that the event log had when this was made. Raises StoreUnavailable."""

    def __init__(self, log: Log, topic: str, group: str) -> None:
        self._log = log
        self._topic = topic
        self._group = group
        self._goal = dict(log.ends(topic))

    def has_reached_its_goal(self) -> bool:
        """Look again; the sink commits what it has stored."""
        stored = self._log.committed(self._group, self._topic)
        return all(stored.get(place, 0) >= end for place, end in self._goal.items())


@contextmanager
def lake_progress(kafka_address: str) -> Iterator[LakeProgress]:
    """Give the progress of the stack whose Kafka answers there."""
    settings, watch = load_settings(), LogWatch(kafka_address)
    try:
        yield LakeProgress(watch, settings.events_topic, settings.lake_consumer_group)
    finally:
        watch.close()
