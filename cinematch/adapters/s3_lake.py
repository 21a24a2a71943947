"""The lake as other layers read it: which objects to read, one user's events for a repair, and the dead letters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from cinematch.adapters import s3_lake_files, s3_objects
from cinematch.adapters.s3_lake_files import LakeFiles, readable_objects
from cinematch.adapters.s3_lake_folder import LakeFolder
from cinematch.contracts.dead_letter import DeadLetter
from cinematch.contracts.lake_paths import DEAD_LETTERS_FOLDER, EVENTS_FOLDER, first_day_needed, spark_uri
from cinematch.contracts.lake_schema import DEAD_LETTERS_SCHEMA, EVENTS_SCHEMA, from_table, letters_from_table
from cinematch.contracts.log_record import LogPartition
from cinematch.domain.events import Event
from cinematch.domain.watchlist import in_sequence, without_gap
from cinematch.errors import NotFound, StoreUnavailable
from cinematch.settings import Settings

ATTEMPTS: Final = 3
"""To read objects that others may replace meanwhile."""
_NUMBERS: Final = pa.schema([EVENTS_SCHEMA.field(name) for name in ("user_id", "sequence", "event_id")])


@dataclass(frozen=True, slots=True)
class LastEvent:
    """A user's last event; `given_twice`: the user's last sequence that more than one event has, 0 without one."""

    sequence: int
    event_id: str
    given_twice: int


class Lake:
    """The events' folder for readers. It is an EventHistory: whatever was published and flushed, it still has."""

    def __init__(self, folder: LakeFolder, files: LakeFiles) -> None:
        self._folder = folder
        self._files = files

    def uris(self, since: datetime | None = None) -> list[str]:
        """Give the objects that hold the events since `since` (and some older ones), as URIs for Spark."""
        return [spark_uri(self._folder.objects.bucket, key) for key in self._keys(since)]

    def events_after(self, user_id: str, sequence: int, since: datetime | None = None) -> list[Event]:
        """Give the user's events after `sequence`, in order, as far as the lake has them without a gap.

        Row groups that cannot hold the user are skipped by their statistics; `since` leaves out whole days. Raises
        StoreUnavailable.
        """
        wanted = (pc.field("user_id") == user_id) & (pc.field("sequence") > sequence)
        return without_gap(sequence, from_table(self._rows(wanted, since)))

    def events_of(
        self, user_ids: Collection[str], floors: Mapping[str, int] = MappingProxyType({})
    ) -> dict[str, list[Event]]:
        """Give every event of these users, in order, each user's as far as the lake has them without a gap.

        floors: after which sequence the log of a user begins who was erased. One reading for all of them: far cheaper
        than one for each. Raises StoreUnavailable.
        """
        found: dict[str, list[Event]] = {user_id: [] for user_id in user_ids}
        for event in from_table(self._rows(pc.field("user_id").isin(sorted(user_ids)), None)):
            if event.sequence > floors.get(event.user_id, 0):
                found[event.user_id].append(event)
        return {user_id: without_gap(floors.get(user_id, 0), events) for user_id, events in found.items()}

    def last_events(self, since: datetime | None = None) -> dict[str, LastEvent]:
        """Give the last event of each user that the lake has, whatever is missing before it.

        `since` leaves out whole days. Memory: users, identities and numbers of one partition's events at a time. Raises
        StoreUnavailable.
        """
        found: dict[str, LastEvent] = {}
        for place in self._folder.view().keys_by_place(_first_day(since)):
            for user_id, last in _last_events(self._numbers(place, since)):
                found[user_id] = max(last, found.get(user_id, last), key=attrgetter("sequence"))
        return found

    def rows_after(self, sequences: Mapping[str, int], since: datetime | None = None) -> dict[str, list[Event]]:
        """Give all rows of these users after a sequence of each: in no order, with repeats and whatever is missing.

        `since` leaves out whole days. One reading for all of them. Raises StoreUnavailable.
        """
        found: dict[str, list[Event]] = {user_id: [] for user_id in sequences}
        if sequences:
            wanted = pc.field("user_id").isin(sorted(sequences)) & (pc.field("sequence") > min(sequences.values()))
            for event in from_table(self._rows(wanted, since)):
                if event.sequence > sequences[event.user_id]:
                    found[event.user_id].append(event)
        return found

    def kept_after(self, user_id: str, sequence: int) -> list[Event]:
        """Give those of the user's events after `sequence` that are there, in order, whatever is missing."""
        wanted = (pc.field("user_id") == user_id) & (pc.field("sequence") > sequence)
        return in_sequence(from_table(self._rows(wanted, None)))

    def _rows(self, wanted: pc.Expression, since: datetime | None) -> pa.Table:
        return _read(self._files, lambda: self._keys(since), EVENTS_SCHEMA, wanted)

    def _numbers(self, place: LogPartition, since: datetime | None) -> pa.Table:
        first_day = _first_day(since)
        return _read(self._files, lambda: self._folder.view().keys_by_place(first_day).get(place, []), _NUMBERS)

    def _keys(self, since: datetime | None) -> list[str]:
        return self._folder.view().keys(_first_day(since))


class LakeLetters:
    """The dead letters' folder for readers."""

    def __init__(self, folder: LakeFolder, files: LakeFiles) -> None:
        self._folder = folder
        self._files = files

    def under(self, key: bytes) -> list[DeadLetter]:
        """Give the letters of records that had this key. Raises StoreUnavailable."""
        wanted = pc.field("key") == key
        return letters_from_table(_read(self._files, lambda: self._folder.view().keys(), DEAD_LETTERS_SCHEMA, wanted))


def _read(
    files: LakeFiles, keys: Callable[[], Sequence[str]], schema: pa.Schema, wanted: pc.Expression | None = None
) -> pa.Table:
    with readable_objects():
        for _ in range(ATTEMPTS - 1):
            with suppress(NotFound):  # compacted or erased, and removed, while we were reading: look again
                return files.rows(keys(), schema, wanted)
        try:
            return files.rows(keys(), schema, wanted)
        except NotFound as error:
            raise StoreUnavailable("s3", str(error)) from error


def _first_day(since: datetime | None) -> date | None:
    return first_day_needed(since) if since else None


def _last_events(rows: pa.Table) -> Iterator[tuple[str, LastEvent]]:
    """Find the last event of each user in rows of `_NUMBERS`."""
    counted = [("event_id", "one"), ("event_id", "count_distinct")]
    numbers = rows.group_by(["user_id", "sequence"]).aggregate(counted)
    twice = numbers.filter(pc.field("event_id_count_distinct") > 1).group_by("user_id").aggregate([("sequence", "max")])
    given_twice = dict(_values(twice, "user_id", "sequence_max"))
    greatest = numbers.group_by("user_id").aggregate([("sequence", "max")])
    last = numbers.join(greatest, ["user_id", "sequence"], ["user_id", "sequence_max"], join_type="inner")
    for user_id, sequence, event_id in _values(last, "user_id", "sequence", "event_id_one"):
        yield user_id, LastEvent(sequence, event_id, given_twice.get(user_id, 0))


def _values(table: pa.Table, *columns: str) -> Iterator[tuple[Any, ...]]:
    return zip(*(table[name].to_pylist() for name in columns), strict=True)


def connect(settings: Settings) -> Lake:
    """Give the lake of these settings; nothing is sent yet."""
    return Lake(LakeFolder(s3_objects.connect(settings), EVENTS_FOLDER), s3_lake_files.connect(settings))


def connect_letters(settings: Settings) -> LakeLetters:
    """Give the dead letters of these settings; nothing is sent yet."""
    return LakeLetters(LakeFolder(s3_objects.connect(settings), DEAD_LETTERS_FOLDER), s3_lake_files.connect(settings))
