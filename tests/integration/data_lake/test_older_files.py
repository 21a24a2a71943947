"""Dead letters of a release that knew no traces: read and compacted with those of today."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from cinematch.adapters import s3_lake_files, s3_objects
from cinematch.adapters.s3_lake_folder import LakeFolder
from cinematch.contracts.dead_letter import DeadLetter
from cinematch.contracts.lake_file import encode_file
from cinematch.contracts.lake_manifest import LakeObject
from cinematch.contracts.lake_paths import DEAD_LETTERS_FOLDER, ObjectName
from cinematch.contracts.lake_schema import DEAD_LETTERS_SCHEMA, KafkaPlace, letters_from_table, letters_to_table
from cinematch.contracts.log_record import LogPartition
from cinematch.local_stack.minio_server import MinioServer
from cinematch.settings import Settings
from cinematch.tracing import Trace
from data_lake.compaction import Compaction, CompactionLimits
from data_lake.tables import DeadLettersTable

pytestmark = pytest.mark.integration

NOW = datetime(2026, 1, 19, 12, tzinfo=UTC)
PLACE = LogPartition("dead-letters", 0)
OLD = DeadLetter("no JSON", "data_lake", "events", 0, 1, b"key", b"{", NOW)
NEW = DeadLetter("no JSON", "data_lake", "events", 0, 2, b"key", b"{", NOW, str(Trace.begun()))


def store(folder: LakeFolder, offset: int, table: pa.Table) -> None:
    link = LakeObject(
        key=ObjectName(DEAD_LETTERS_FOLDER, PLACE, NOW.date(), offset).key,
        topic=PLACE.topic,
        topic_id="without-kafka",
        partition=PLACE.partition,
        day=NOW.date(),
        first_offset=offset,
        next_offset=offset + 1,
        rows=1,
    )
    folder.append(*encode_file(table, link))


@pytest.mark.parametrize("older_first", [True, False])
def test_letters_with_and_without_traces_live_in_one_lake(
    minio_server: MinioServer, settings: Settings, older_first: bool
) -> None:
    folder, files = LakeFolder(s3_objects.connect(settings), DEAD_LETTERS_FOLDER), s3_lake_files.connect(settings)
    older = letters_to_table([(OLD, KafkaPlace(0, 0, NOW))]).drop_columns(["traceparent"])
    newer = letters_to_table([(NEW, KafkaPlace(0, 1, NOW))])
    for offset, table in enumerate([older, newer] if older_first else [newer, older]):
        store(folder, offset, table)

    def letters() -> list[DeadLetter]:
        rows = files.rows(folder.view().keys(), DEAD_LETTERS_SCHEMA)
        return sorted(letters_from_table(rows), key=lambda letter: letter.offset)

    assert letters() == [OLD, NEW]
    result = Compaction(folder, DeadLettersTable(), CompactionLimits(10_000_000, timedelta(0))).run()
    assert (result.merged, result.written) == (2, 1)
    assert letters() == [OLD, NEW]
