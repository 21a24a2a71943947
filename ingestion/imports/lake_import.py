"""`cinematch import lake`: what a database lacks that was put back to an older state, from the lake.

The events come back as what they were, with their ids, sequences and times: list, counter and outbox in one
transaction, as if the API had just accepted them. The relay publishes them once more. Whoever has them knows them by
their sequence; what went back together with the lists (`user_stats`, the trends, the batch view) takes them anew.

Nobody may change a list between the two: the change would get a sequence that another event has already. A user to
whom that has happened is reported, as long as the outbox has the change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cinematch.adapters.kafka_log_watch import LogWatch
from cinematch.adapters.mongodb_erasures import Erasures
from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.adapters.mongodb_sequences import Sequences
from cinematch.adapters.mongodb_watchlists import GROUP_CHANGES, Watchlists
from cinematch.adapters.s3_lake import Lake, LastEvent
from cinematch.adapters.s3_lake_folder import LakeFolder
from cinematch.batches import batches
from cinematch.domain.events import Event
from cinematch.domain.watchlist import without_gap
from cinematch.errors import Conflict
from ingestion.progress import Stages

PAGE_USERS: Final = 1_000
"""Whose events are in memory at a time."""
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class LakeImported:
    """What came of it: users who got events back, and how many events."""

    users: int
    events: int


@dataclass(frozen=True, slots=True)
class RestoredStores:
    """The stores of the database that was put back."""

    lists: Watchlists
    sequences: Sequences
    erasures: Erasures
    outbox: Outbox


@dataclass(frozen=True, slots=True)
class _Behind:
    """How far the database and the lake have one user; `event_id`: of the last event of the former, if it is known."""

    reached: int
    last: int
    event_id: str | None


class LakeImport:
    """One import. It may be killed anywhere and run again, and then goes on where it was. Raises StoreUnavailable."""

    def __init__(self, lake: Lake, stores: RestoredStores, report: Report) -> None:
        self._lake = lake
        self._stores = stores
        self._report = report

    def run(self, since: datetime | None, stages: Stages) -> LakeImported:
        """Put back every event behind what the database has, from the days since `since`; None: from all.

        Memory: the last event of each user, and the events of a page of users. A user who cannot be brought to the last
        event of the lake is reported, once.
        """
        behind = self._compared(self._lake.last_events(since), stages)
        came_back: list[int] = []
        with stages.stage("Users put back", len(behind)) as advance:
            for page in batches(sorted(behind), PAGE_USERS):
                # From the last known event on: it tells whether the lake speaks of the same history.
                rows = self._lake.rows_after({user_id: behind[user_id].reached - 1 for user_id in page}, since)
                came_back += [self._put_back(user_id, behind[user_id], rows[user_id]) for user_id in page]
                advance(len(page))
        return LakeImported(sum(map(bool, came_back)), sum(came_back))

    def _compared(self, ends: Mapping[str, LastEvent], stages: Stages) -> dict[str, _Behind]:
        """Give those of whom the lake has more; report whose last events are not the same ones.

        What an erasure has buried says nothing: its own events may have taken numbers that the lake has.
        """
        behind = {}
        with stages.stage("Users compared", len(ends)) as advance:
            for page in batches(ends, PAGE_USERS):
                floors, issued = self._stores.erasures.floors(page), self._stores.sequences.issued(page)
                reached = {user_id: issued.get(user_id, floors.get(user_id, 0)) for user_id in page}
                common = {user_id: min(reached[user_id], ends[user_id].sequence) for user_id in page}
                known = self._stores.outbox.ids_at({it: at for it, at in common.items() if at > floors.get(it, 0)})
                for user_id in page:
                    end, event_id, floor = ends[user_id], known.get(user_id), floors.get(user_id, 0)
                    if end.given_twice > floor:
                        self._report(_forked(user_id, end.given_twice, end.sequence))
                    elif reached[user_id] < end.sequence:
                        behind[user_id] = _Behind(reached[user_id], end.sequence, event_id)
                    elif event_id not in (None, end.event_id):
                        self._report(_forked(user_id, end.sequence, end.sequence))
                advance(len(page))
        return behind

    def _put_back(self, user_id: str, behind: _Behind, rows: Sequence[Event]) -> int:
        """Put a user's events back; give how many."""
        known = {event.event_id for event in rows if event.sequence == behind.reached}
        if behind.event_id is not None and known - {behind.event_id}:
            self._report(_forked(user_id, behind.reached, behind.last))
            return 0
        reached = behind.reached
        try:
            for group in batches(without_gap(reached, rows), GROUP_CHANGES):
                self._stores.lists.put_back(user_id, group)
                reached = group[-1].sequence
            if reached < behind.last:
                self._report(f"user {user_id!r}: event {reached + 1} is not there, the last one is {behind.last}")
        except Conflict as error:
            self._report(f"{error}; the last event is {behind.last}")
        return reached - behind.reached


def require_whole(folder: LakeFolder, watch: LogWatch, topic: str) -> None:
    """Raise Conflict unless the lake has every record of the event log; StoreUnavailable."""
    reached = {place.partition: link.next_offset for place, link in folder.last_links().items() if place.topic == topic}
    ends = {place.partition: end for place, end in watch.ends(topic).items()}
    beyond = [f"partition {it} at {ends.get(it, 0)}, not {at}" for it, at in reached.items() if ends.get(it, 0) < at]
    if beyond:
        raise Conflict(
            f"the topic {topic} ends before the lake does ({', '.join(beyond)}), so it is another one than the lake "
            "was made of: where the log is lost, say --lake-alone"
        )
    lacking = sum(end - reached.get(partition, 0) for partition, end in ends.items())
    if lacking:
        raise Conflict(f"the lake lacks {lacking:,} records of the event log: let data_lake store them first")


def _forked(user_id: str, sequence: int, last: int) -> str:
    return f"user {user_id!r}: two events have sequence {sequence}, for the list was changed before; the last is {last}"
