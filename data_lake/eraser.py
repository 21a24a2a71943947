"""Erasure in the lake: objects that hold a user's rows are written anew without them, and the old ones deleted.

The protocol, of which any part may be done twice:
1. All events are in Kafka (the step `ingestion` is done). How far its topics reach now is noted with the erasure.
2. The sink has stored everything up to there: what it stores later holds no erased event.
3. Every object that exists is looked through, current or not. Where none has such a row, it is done.
4. The lease of the batch runs is taken, and kept for as long as it takes: a run lists the objects once and reads them
   for an hour. Who reads for a moment holds no lease (repairs and rebuilds of the speed view, audits, exports), and
   looks again when an object that was listed is gone.
5. A compaction writes the current objects with such rows anew, one by one, and publishes the manifest.
6. The lease is confirmed, and a second one deletes what the first has replaced. What an ordinary compaction replaced
   stays for its grace, as ever; as long as such rows are in it, the step waits.

Not covered: versions that the bucket itself keeps, copies of the lake made by others, and what a compaction leaves
behind that was overtaken by step 5 and goes on writing: the next one deletes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, Protocol

from cinematch.adapters import mongodb_client, s3_lake_files, s3_objects
from cinematch.adapters.kafka_log_watch import LogWatch
from cinematch.adapters.mongodb_generations import MongoGenerations
from cinematch.adapters.mongodb_lease import MongoLease
from cinematch.adapters.s3_lake_files import LakeFiles, readable_objects
from cinematch.adapters.s3_lake_folder import LakeFolder
from cinematch.contracts.batch_status import BATCH_LEASE
from cinematch.contracts.erasure import Eraser, Erasure, Removed
from cinematch.contracts.exclusion import ERASURE, Exclusion, Lease, new_owner
from cinematch.contracts.log_record import LogPartition
from cinematch.errors import ConfigurationError, Conflict
from cinematch.settings import Settings
from data_lake.compaction import LONG_AGO
from data_lake.forgotten_rows import ForgottenRows
from data_lake.tables import DeadLettersTable, EventsTable, LakeTable

WAITS_FOR_OUTBOX: Final = "the relay: not all events are in Kafka"
WAITS_FOR_SINK: Final = "the lake sink: not all events are in the lake"
WAITS_FOR_READERS: Final = "objects that a compaction has replaced: they stay for a while for whoever reads them"
LOG_ENDS: Final = "log_ends"
LOOKS_AGAIN_AT: Final = "lake_looks_again_at"
LOOKS_AGAIN_AFTER: Final = timedelta(minutes=10)
"""While objects wait for their grace, which takes a day: looking through the lake is not for free."""


class LogEnds(Protocol):
    """Kafka, as far as it is needed here."""

    def ends(self, topic: str) -> Mapping[LogPartition, int]:
        """Give the next offset of each partition of a topic."""


class LakeEraser:
    """Removes a user's rows from the events and the dead letters."""

    def __init__(
        self,
        shelves: Mapping[str, tuple[LakeTable, LakeFolder]],
        files: LakeFiles,
        log: LogEnds,
        new_lease: Callable[[], Lease],
        grace: timedelta,
    ) -> None:
        self._shelves = shelves
        self._files = files
        self._log = log
        self._new_lease = new_lease
        self._grace = grace

    def erase(self, erasure: Erasure) -> Removed:
        """Remove them; see `Eraser`. Raises Conflict while a batch run or another compaction is at work."""
        if not erasure.is_done("ingestion"):
            return Removed({}, WAITS_FOR_OUTBOX)
        if LOG_ENDS not in erasure.notes:
            return Removed({}, WAITS_FOR_SINK, {LOG_ENDS: self._log_ends()})
        with readable_objects():
            if not self._is_stored(erasure.notes[LOG_ENDS]):
                return Removed({}, WAITS_FOR_SINK)
            if erasure.notes.get(LOOKS_AGAIN_AT, LONG_AGO) > datetime.now(UTC):
                return Removed({}, WAITS_FOR_READERS)
            return self._forget(self._rows(erasure))

    def _rows(self, erasure: Erasure) -> list[ForgottenRows]:
        return [
            ForgottenRows(table, folder, self._files, table.of_erased(erasure.subject, erasure.floor), self._grace)
            for table, folder in self._shelves.values()
        ]

    def _forget(self, rows: Sequence[ForgottenRows]) -> Removed:
        found = [each.look() for each in rows]
        if not any(found):
            return Removed({each.folder.name: 0 for each in rows})
        with Exclusion(self._new_lease(), "a batch run", gives_way=True) as exclusion:
            for each, it in zip(rows, found, strict=True):
                if it.current:
                    each.rewrite(it.current.keys())
            exclusion.confirm()
            for each in rows:
                with suppress(Conflict):  # what stays is seen by the next look
                    each.delete_replaced()
        left = [each.look() for each in rows]
        counts = {each.folder.name: it.rows - then.rows for each, it, then in zip(rows, found, left, strict=True)}
        if not any(left):
            return Removed(counts)
        return Removed(counts, WAITS_FOR_READERS, {LOOKS_AGAIN_AT: datetime.now(UTC) + LOOKS_AGAIN_AFTER})

    def _log_ends(self) -> list[dict[str, Any]]:
        ends = {place: end for topic in self._shelves for place, end in self._log.ends(topic).items()}
        return [{"topic": it.topic, "partition": it.partition, "offset": end} for it, end in sorted(ends.items())]

    def _is_stored(self, log_ends: Iterable[Mapping[str, Any]]) -> bool:
        reached = {
            place: it.next_offset for _, folder in self._shelves.values() for place, it in folder.last_links().items()
        }
        return all(reached.get(LogPartition(it["topic"], it["partition"]), 0) >= it["offset"] for it in log_ends)


class NoLake:
    """The eraser where LAKE_IN_USE is false: there is nothing to remove, unless something proves that there is a lake:
    a generation of the batch view, or an offset that a sink has committed."""

    def __init__(self, generations: Callable[[], Sequence[Any]], committed: Callable[[], Mapping[Any, int]]) -> None:
        self._generations = generations
        self._committed = committed

    def erase(self, erasure: Erasure) -> Removed:
        """Remove nothing; see `Eraser`. Raises ConfigurationError."""
        if self._generations():
            raise ConfigurationError("LAKE_IN_USE: false is wrong: there are generations of the batch view")
        if self._committed():
            raise ConfigurationError("LAKE_IN_USE: false is wrong: a lake sink has been at work")
        return Removed({})


def eraser(settings: Settings) -> Eraser:
    """Give the eraser of this layer (entry point `cinematch.erasers`)."""
    database, watch = mongodb_client.connect(settings)[settings.mongodb_database], LogWatch(settings.kafka)
    if not settings.lake_in_use:
        committed = partial(watch.committed, settings.lake_consumer_group, settings.events_topic)
        return NoLake(MongoGenerations(database).all, committed)
    tables: dict[str, LakeTable] = {
        settings.events_topic: EventsTable(),
        settings.dead_letter_topic: DeadLettersTable(),
    }
    objects = s3_objects.connect(settings)
    shelves = {topic: (table, LakeFolder(objects, table.folder)) for topic, table in tables.items()}

    def new_lease() -> MongoLease:
        return MongoLease(database, BATCH_LEASE, new_owner(ERASURE), settings.batch_lease_seconds)

    grace = timedelta(seconds=settings.lake_compaction_grace_seconds)
    return LakeEraser(shelves, s3_lake_files.connect(settings), watch, new_lease, grace)
