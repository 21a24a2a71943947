"""What the peers that are plain consumers share: a member of a group that reads the events topic from its beginning."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import chain, takewhile

from cinematch.adapters.kafka_consumer import GroupConsumer
from cinematch.contracts.log_record import LogRecord
from cinematch.readiness import announce_ready
from cinematch.settings import Settings

POLL_SECONDS = 0.2


def polls(settings: Settings, group: str) -> Iterator[Iterable[LogRecord]]:
    """Give what each poll brings, until SIGTERM, which cuts a poll short, too."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with closing(GroupConsumer(settings.kafka_bootstrap_servers, group, [settings.events_topic])) as consumer:
        while not stop.is_set():
            for place in consumer.waiting():
                consumer.start(place, 0)
            polled = consumer.poll(POLL_SECONDS)
            yield takewhile(lambda _: not stop.is_set(), chain.from_iterable(polled.values()))
            if consumer.assigned():
                announce_ready()
