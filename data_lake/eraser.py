"""Erasure in the lake: objects that hold a user's rows are written anew without them, and the old ones deleted.

The protocol, of which any part may be done twice:
1. All events are in Kafka (the step `ingestion` is done). How far its topics reach now is noted with the erasure.
2. The sink has stored everything up to there: what it stores later holds no erased event.
3. With the lease of the batch runs held, nobody reads the lake by a list of objects made before. A compaction writes
   the objects with such rows anew, one by one, and publishes the manifest; a second one deletes what is superseded.

Not covered: versions that the bucket itself keeps, and copies of the lake made by others.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from cinematch.adapters import mongodb_client, s3_lake_files, s3_objects
from cinematch.adapters.kafka_log_watch import LogWatch
from cinematch.adapters.mongodb_lease import MongoLease
from cinematch.adapters.s3_lake_files import LakeFiles
from cinematch.adapters.s3_lake_folder import LakeFolder
from cinematch.contracts.batch_status import BATCH_LEASE
from cinematch.contracts.erasure import Erasure, Removed
from cinematch.contracts.log_record import LogPartition
from cinematch.errors import Conflict
from cinematch.settings import Settings
from data_lake.compaction import Compaction, CompactionLimits, Forgetting
from data_lake.tables import DeadLettersTable, EventsTable, LakeTable

WAITS_FOR_OUTBOX: Final = "the relay: not all events are in Kafka"
WAITS_FOR_SINK: Final = "the lake sink: not all events are in the lake"
LEASE_SECONDS: Final = 600.0
"""Longer than it takes to write some objects anew; a killed eraser keeps the batch waiting for no longer than that."""
FILES_AT_ONCE: Final = 8
AT_ONCE: Final = CompactionLimits(target_bytes=1, grace=timedelta(0))


class LakeEraser:
    """Removes a user's rows from the events and the dead letters."""

    def __init__(
        self, shelves: Mapping[str, tuple[LakeTable, LakeFolder]], files: LakeFiles, log: LogWatch, lease: MongoLease
    ) -> None:
        self._shelves = shelves
        self._files = files
        self._log = log
        self._lease = lease

    def erase(self, erasure: Erasure) -> Removed:
        """Remove them; see `Eraser`. Raises Conflict while a batch run or another compaction is at work."""
        if not erasure.is_done("ingestion"):
            return Removed({}, WAITS_FOR_OUTBOX)
        if "log_ends" not in erasure.notes:
            return Removed({}, WAITS_FOR_SINK, {"log_ends": self._log_ends()})
        if not self._is_stored(erasure.notes["log_ends"]):
            return Removed({}, WAITS_FOR_SINK)
        if not self._lease.acquire():
            raise Conflict(f"a batch run is at work ({self._lease.holder()})")
        try:
            return Removed(
                {folder.name: self._forget(table, folder, erasure) for table, folder in self._shelves.values()}
            )
        finally:
            self._lease.release()

    def _log_ends(self) -> list[dict[str, Any]]:
        ends = {place: end for topic in self._shelves for place, end in self._log.ends(topic).items()}
        return [{"topic": it.topic, "partition": it.partition, "offset": end} for it, end in sorted(ends.items())]

    def _is_stored(self, log_ends: Iterable[Mapping[str, Any]]) -> bool:
        reached = {
            place: it.next_offset for _, folder in self._shelves.values() for place, it in folder.last_links().items()
        }
        return all(reached.get(LogPartition(it["topic"], it["partition"]), 0) >= it["offset"] for it in log_ends)

    def _forget(self, table: LakeTable, folder: LakeFolder, erasure: Erasure) -> int:
        """Give how many rows went."""
        assert erasure.user_id is not None
        wanted = table.of_erased(erasure.user_id, erasure.floor)
        found = self._holding(table, folder, wanted)
        forgetting = Forgetting(found.keys(), partial(_without, wanted=wanted))
        Compaction(folder, table, AT_ONCE, forgetting=forgetting).run()
        Compaction(folder, table, AT_ONCE, forgetting=Forgetting((), _all)).run()
        return sum(found.values())

    def _holding(self, table: LakeTable, folder: LakeFolder, wanted: pc.Expression) -> dict[str, int]:
        keys = folder.view().keys()
        with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
            counts = pool.map(lambda key: self._files.count(key, table.schema, wanted), keys)
        return {key: count for key, count in zip(keys, counts, strict=True) if count}


def _without(rows: pa.Table, wanted: pc.Expression) -> pa.Table:
    """Give the rows that do not match; where nothing can be compared (null), they stay."""
    kept = ds.dataset(rows).to_table(filter=~wanted | wanted.is_null())
    return kept.replace_schema_metadata(rows.schema.metadata)


def _all(rows: pa.Table) -> pa.Table:
    return rows


def eraser(settings: Settings) -> LakeEraser:
    """Give the eraser of this layer (entry point `cinematch.erasers`)."""
    tables: dict[str, LakeTable] = {
        settings.events_topic: EventsTable(),
        settings.dead_letter_topic: DeadLettersTable(),
    }
    objects = s3_objects.connect(settings)
    shelves = {topic: (table, LakeFolder(objects, table.folder)) for topic, table in tables.items()}
    database = mongodb_client.connect(settings)[settings.mongodb_database]
    owner = f"{socket.gethostname()}/{os.getpid()}/erasure-{secrets.token_hex(4)}"
    lease = MongoLease(database, BATCH_LEASE, owner, LEASE_SECONDS)
    return LakeEraser(shelves, s3_lake_files.connect(settings), LogWatch(settings.kafka), lease)
