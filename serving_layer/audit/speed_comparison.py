"""The comparison of one user's speed view with the log: its tail must be the user's events, its counters their sum.

Pure. A reader who finds the counters wrong answers with the batch alone and asks for a repair; so what is wrong here
may show in no answer, and is a fault all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from cinematch.contracts.speed_view import SpeedSnapshot
from cinematch.domain.events import Event
from serving_layer.audit.finding import Difference
from serving_layer.audit.user_log import UserLog
from serving_layer.counters import delta_of_snapshot, delta_of_tail

SPEED_VIEW: Final = "speed view"
_COUNTERS: Final = {
    "movie_count": "films",
    "rating_count": "rated",
    "rating_sum_tenths": "rating_tenths",
    "genres": "genres",
}


def compare_speed_view(snapshot: SpeedSnapshot, log: UserLog) -> list[Difference]:
    """Compare a snapshot with the user's log, which must reach its `last_sequence`.

    What still holds something from before an erasure is not compared: the guardian is about to take it out.
    """
    if snapshot.base_sequence < log.floor:
        return []
    first, last = snapshot.base_sequence + 1, snapshot.last_sequence
    expected = tuple(log.between(snapshot.base_sequence, last))
    found = list(_counter_differences(snapshot, expected))
    if snapshot.tail != expected:
        wrong, missing = _only_in(snapshot.tail, expected), _only_in(expected, snapshot.tail)
        found.append(Difference(SPEED_VIEW, "tail", wrong, missing, first, last))
    return found


def _counter_differences(snapshot: SpeedSnapshot, expected: Sequence[Event]) -> Iterator[Difference]:
    counted, summed = delta_of_snapshot(snapshot), delta_of_tail(expected)
    for name, total in _COUNTERS.items():
        is_, should_be = getattr(counted, total), getattr(summed, total)
        if is_ != should_be:
            first, last = snapshot.base_sequence + 1, snapshot.last_sequence
            yield Difference(SPEED_VIEW, name, is_, should_be, first, last)


def _only_in(some: Sequence[Event], others: Sequence[Event]) -> list[str]:
    known = {event.sequence: event for event in others}
    return [_named(event) for event in some if known.get(event.sequence) != event]


def _named(event: Event) -> str:
    return f"{event.sequence} {event.event_type} {event.movie_id} {event.rating}"
