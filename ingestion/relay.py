"""The outbox relay: brings every event from the outbox to the event log, each user's in order.

What is guaranteed: an event is published at least once, and the first copies of a user's events are in sequence. A
relay publishes, one after another, what follows the events that are known to be acknowledged; it marks events, and
saves its place, only after their acknowledgement. So a crash anywhere repeats some events and skips none. Even two
relays at once could not break this order: each of them sends a user's events without a hole, beginning where everything
before is in the log. The lease is there so that they do not send everything twice.

What counts is the mark: whatever has none is published, by a sweep at the start and every SWEEP_SECONDS. The feed is
the fast path; should it ever miss an event (a database put back to an older state, say), that event is late, not lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from threading import Event as StopSignal
from typing import Final, Protocol

from cinematch.domain.events import Event
from cinematch.metrics.catalogue import RELAYED
from cinematch.metrics.instruments import counter
from cinematch.telemetry import get_logger
from cinematch.tracing import read_trace, tell_step
from ingestion.tenure import Tenure

GROUP_EVENTS: Final = 2_000
GROUP_SECONDS: Final = 0.25
"""A group is marked as published when it is that large or that old; its events are on their way long before."""
WAIT_SECONDS: Final = 0.5
"""How often a wait for Kafka looks at the lease and at the signal to stop."""
SWEEP_SECONDS: Final = 30.0
"""A sweep that finds nothing reads an empty index; it also saves the place while nothing happens."""
STOP_SECONDS: Final = 5.0
"""How long the last group may take to be acknowledged after the signal to stop."""
_RELAYED: Final = counter(RELAYED)
_log = get_logger(__name__)


class Feed(Protocol):
    """What is new in the outbox."""

    def next(self) -> Event | None:
        """Give the next event, or None after a short wait."""

    def save(self) -> None:
        """Let the next feed begin behind the last event that this one gave."""


class Outbox(Protocol):
    """Every event that is not yet removed."""

    def unpublished(self) -> Iterable[Event]:
        """Give what is not marked, each user's events in order."""

    def mark_published(self, events: list[Event]) -> None:
        """Mark events as published."""


class Publisher(Protocol):
    """The event log."""

    def publish(self, event: Event) -> None:
        """Hand one event in."""

    def wait(self, timeout_seconds: float) -> bool:
        """Wait until everything handed in is acknowledged; False when time is up before."""


class Relay:
    """One run, from opening the feed to the first error. Whatever it raises, a new run carries on."""

    def __init__(
        self,
        feed: Feed,
        outbox: Outbox,
        publisher: Publisher,
        tenure: Tenure,
        stop: StopSignal,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._feed = feed
        self._outbox = outbox
        self._publisher = publisher
        self._tenure = tenure
        self._stop = stop
        self._clock = clock
        self._group: list[Event] = []
        self._group_began = 0.0
        self._swept_at = clock()
        # The last event of each user that a sweep has published and the feed has not passed yet: the feed does not
        # pass those from before it was opened, so this may grow to one number for each user of the largest sweep.
        self._swept: dict[str, int] = {}

    def run(self) -> None:
        """Publish what is left over, then what the feed gives, until the signal to stop.

        Raises StoreUnavailable, and LeaseLost when another relay may be at work.
        """
        self._sweep()
        while not self._stop.is_set():
            event = self._feed.next()
            if event is not None and not self._was_swept(event):
                self._publish(event)
            self._settle(idle=event is None)
            if not self._group and self._clock() - self._swept_at >= SWEEP_SECONDS:
                self._sweep()
        self._finish()

    def _sweep(self) -> None:
        """Publish whatever has no mark; the feed may give it once more."""
        for event in self._outbox.unpublished():
            self._publish(event)
            self._swept[event.user_id] = event.sequence
            self._settle(idle=False)
            if self._stop.is_set():
                return
        self._settle(idle=True)
        if not self._group:
            self._feed.save()
            self._swept_at = self._clock()

    def _was_swept(self, event: Event) -> bool:
        """Say whether a sweep has published this event of the feed; a user's last such event ends the question.

        That the feed gives nothing for a while does not: it may be behind the sweep still.
        """
        swept = self._swept.get(event.user_id, 0)
        if event.sequence >= swept:
            self._swept.pop(event.user_id, None)
        return event.sequence <= swept

    def _publish(self, event: Event) -> None:
        self._tenure.check()
        self._publisher.publish(event)  # the first one connects, which may take longer than a group
        if not self._group:
            self._group_began = self._clock()
        self._group.append(event)

    def _settle(self, *, idle: bool) -> None:
        """Finish the group when it is due: wait, then mark, then save the place, in this order."""
        self._tenure.check()
        if not self._group or not (idle or self._is_due()):
            return
        while not self._publisher.wait(WAIT_SECONDS):
            self._tenure.check()
            if self._stop.is_set():
                return
        self._record()

    def _is_due(self) -> bool:
        return len(self._group) >= GROUP_EVENTS or self._clock() - self._group_began >= GROUP_SECONDS

    def _record(self) -> None:
        _RELAYED.inc(len(self._group))
        self._outbox.mark_published(self._group)
        for event in self._group:
            tell_step(_log, read_trace(event.traceparent), "an event is in the log", event_id=event.event_id)
        self._group = []
        self._feed.save()

    def _finish(self) -> None:
        """Give the last group its chance; what is not acknowledged stays unmarked, and the next run publishes it."""
        if self._group and self._publisher.wait(STOP_SECONDS):
            self._record()
