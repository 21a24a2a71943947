"""The second half of real-time mode: a member of a consumer group applies the topic of deltas to Redis.

The protocol of one round:
1. Poll; each partition gives its records in order.
2. Apply them to Redis. This is the commit.
3. Commit the offsets to Kafka, once a second: a restart repeats the rest, which changes nothing.

After any failure every partition starts again behind the last record that was applied, so none is stepped over.
"""

from __future__ import annotations

import threading
import time
from itertools import chain
from typing import Final

from cinematch.adapters.kafka_consumer import GroupConsumer
from cinematch.contracts.log_record import LogPartition, LogRecord
from cinematch.contracts.speed_delta import ORIGIN_HEADER, origin_of, reason_of
from cinematch.errors import StoreUnavailable
from cinematch.telemetry import get_logger
from cinematch.tracing import TRACEPARENT
from speed_layer.applier import Applier, Arrival
from speed_layer.job import RETRY_SECONDS, ReportBroken

POLL_SECONDS: Final = 0.5
COMMIT_SECONDS: Final = 1.0
PACE_SECONDS: Final = 0.005
"""The shortest time between two polls while polls bring handfuls: a poll costs the driver as much as several events, so
what a busy log brings is taken in larger ones."""
HANDFUL_RECORDS: Final = 10
"""Fewer than that are taken as they come: waiting for others would keep events from their readers and save little."""
log = get_logger(__name__)


class DeltaConsumer:
    """One member of the group; any number of processes share the partitions. For one thread."""

    def __init__(self, consumer: GroupConsumer, applier: Applier, report_broken: ReportBroken) -> None:
        self._consumer = consumer
        self._applier = applier
        self._report_broken = report_broken
        self._applied: dict[LogPartition, int] = {}
        self._committed: dict[LogPartition, int] = {}
        self._commit_at = self._next_poll_at = time.monotonic()

    def run(self, stop: threading.Event) -> None:
        """Work until `stop`, whatever goes down meanwhile; then leave the group."""
        while not stop.is_set():
            try:
                self.step()
            except StoreUnavailable as error:
                log.warning("the delta consumer waits", reason=str(error))
                self._start_all_again()
                stop.wait(RETRY_SECONDS)
        self._leave()

    def step(self) -> None:
        """One round. Raises StoreUnavailable."""
        for place in self._consumer.waiting():
            # The group may be ahead of us: another member had this partition since.
            self._applied[place] = max(self._applied.get(place, 0), self._consumer.committed(place))
            self._consumer.start(place, self._applied[place])
        time.sleep(max(0.0, self._next_poll_at - time.monotonic()))
        polled = self._consumer.poll(POLL_SECONDS)
        if sum(map(len, polled.values())) >= HANDFUL_RECORDS:
            self._next_poll_at = time.monotonic() + PACE_SECONDS
        self._report_broken(self._applier.apply(map(arrival, chain.from_iterable(polled.values()))))
        self._applied |= {place: records[-1].offset + 1 for place, records in polled.items()}
        self._commit()

    def _commit(self) -> None:
        now = time.monotonic()
        if now < self._commit_at or self._applied == self._committed:
            return
        self._commit_at = now + COMMIT_SECONDS
        self._commit_own()

    def _commit_own(self) -> None:
        """Commit where we are at work, and nowhere else: elsewhere another member may be further already."""
        own = self._consumer.assigned() - self._consumer.waiting()
        self._applied = {place: offset for place, offset in self._applied.items() if place in own}
        self._consumer.commit(self._applied)
        self._committed = dict(self._applied)

    def _start_all_again(self) -> None:
        for place in self._consumer.assigned():
            self._consumer.restart(place)

    def _leave(self) -> None:
        try:
            self._commit_own()
            self._consumer.close()
        except StoreUnavailable as error:
            log.info("the delta consumer leaves without a commit; the rest is repeated", reason=str(error))


def arrival(delta: LogRecord) -> Arrival:
    """Give the record of the event log that a delta carries, and the verdict of the screening.

    A record that no screening of ours wrote has no origin: it is refused under its own place.
    """
    origin = origin_of(delta)
    if origin is None:
        return Arrival(delta, f"the delta has no header {ORIGIN_HEADER!r} that names its record")
    trace = dict(delta.headers).get(TRACEPARENT)
    record = LogRecord(*origin, delta.timestamp, delta.key, delta.value, ((TRACEPARENT, trace),) if trace else ())
    return Arrival(record, reason_of(delta))
