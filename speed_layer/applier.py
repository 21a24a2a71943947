"""The step that both triggers share: records of the event log are applied to the speed view.

Enters: records, of one user in the order of the log. Leaves: the speed view moved on, letters about what is no event,
and the users that look broken. Everything may be repeated.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple, Protocol

from cinematch.batches import batches
from cinematch.contracts.dead_letter import DeadLetter, rejection
from cinematch.contracts.event_record import read_event
from cinematch.contracts.log_record import LogRecord
from cinematch.contracts.speed_view import Applied, SpeedView
from cinematch.domain.events import Event
from cinematch.errors import InvalidEvent
from cinematch.metrics.catalogue import SPEED_EVENTS, SPEED_GAPS
from cinematch.metrics.instruments import counter
from cinematch.spans import begin
from cinematch.telemetry import get_logger
from cinematch.tracing import tell_step

LAYER: Final = "speed_layer"
USERS_PER_CALL: Final = 1_000
"""Of one call to the view: some pipelines, so that one is packed while the server works on another, and not all that a
poll may bring, for what a store had answered before it went away within a call is not told."""
_APPLIED: Final = counter(SPEED_EVENTS).labels("applied")
_DUPLICATES: Final = counter(SPEED_EVENTS).labels("duplicate")
_GAPS: Final = counter(SPEED_GAPS)
log = get_logger(__name__)


class DeadLetters(Protocol):
    """Who takes the letters."""

    def publish(self, letters: Iterable[DeadLetter]) -> None:
        """Publish letters; returns when they are safe. Raises StoreUnavailable."""


Outcomes = Mapping[str, Applied]
"""What became of events, by user."""


def count_outcomes(outcomes: Outcomes) -> None:
    """Count in the metrics of this process."""
    applied = sum(outcome.applied for outcome in outcomes.values())
    duplicates = sum(outcome.duplicates for outcome in outcomes.values())
    count_events(applied, duplicates, sum(outcome.gap_at is not None for outcome in outcomes.values()))


def count_events(applied: int, duplicates: int, gaps: int) -> None:
    """Count events, and users with a gap, in the metrics of this process, whoever applied them."""
    _APPLIED.inc(applied)
    _DUPLICATES.inc(duplicates)
    _GAPS.inc(gaps)


class Arrival(NamedTuple):
    """A record as it stands in the event log, and why it is no event, where that was found out before."""

    record: LogRecord
    reason: str | None = None


class Applier:
    """Applies arrivals; for one thread. `tell` gets each answer of the view, also those before a failure."""

    def __init__(
        self, view: SpeedView, dead_letters: DeadLetters, tell: Callable[[Outcomes], None] = count_outcomes
    ) -> None:
        self._view = view
        self._dead_letters = dead_letters
        self._tell = tell

    def apply(self, arrivals: Iterable[Arrival]) -> list[str]:
        """Apply all; give the users whose view lacks, or may lack, events. Raises StoreUnavailable: then do it again.

        A user whose view was just begun is among them: after a batch, or of a new user, that is as it should be, and
        only who knows the published boundary, and who was erased, can tell.
        """
        arrivals = list(arrivals)
        events, letters = sort_out(arrivals)
        if letters:
            self._dead_letters.publish(letters)
        began_ns = time.time_ns()
        outcomes: dict[str, Applied] = {}
        for part in batches(events.items(), USERS_PER_CALL):
            answered = self._view.apply(dict(part))
            self._tell(answered)
            outcomes |= answered
        _tell_steps(arrivals, outcomes, began_ns)
        return to_be_looked_at(outcomes)


def to_be_looked_at(outcomes: Outcomes) -> list[str]:
    """Give the users whose view lacks events, or is new: it may be one of a user who was erased."""
    return [
        user_id
        for user_id, outcome in outcomes.items()
        if outcome.gap_at is not None or outcome.started_after is not None
    ]


def _tell_steps(arrivals: Iterable[Arrival], outcomes: Outcomes, began_ns: int) -> None:
    """Tell of sampled events; looking for them is all that others cost."""
    for record, reason in arrivals:
        trace = record.trace
        if trace is not None and trace.sampled and not reason:
            try:
                event = read_event(record.key, record.value)
            except InvalidEvent:
                continue  # its letter was told, as was that of a record with a reason, which may well be an event
            gap_at = outcomes[event.user_id].gap_at
            tell_step(log, trace, "an event came to the speed view", event_id=event.event_id, gap_at=gap_at)
            if step := begin("apply", trace, {"outcome": "applied" if gap_at is None else "gap"}, began_ns):
                step.end()


def sort_out(arrivals: Iterable[Arrival]) -> tuple[dict[str, list[Event]], list[DeadLetter]]:
    """Give the events by user, in order, and a letter for each record that is none."""
    events: dict[str, list[Event]] = {}
    letters: list[DeadLetter] = []
    for record, reason in arrivals:
        try:
            if reason:
                raise InvalidEvent(reason)
            event = read_event(record.key, record.value)
        except InvalidEvent as invalid:
            letters.append(rejection(record, invalid.reason, LAYER))
        else:
            events.setdefault(event.user_id, []).append(event)
    return events, letters
