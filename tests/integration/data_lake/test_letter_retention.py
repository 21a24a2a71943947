"""Dead letters in the lake: kept for their days, then dropped, without a fault in the chain."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from typer.testing import CliRunner

from cinematch.adapters import s3_lake_files, s3_objects
from cinematch.adapters.s3_lake_folder import LakeFolder
from cinematch.contracts.dead_letter import DeadLetter
from cinematch.contracts.lake_file import encode_file
from cinematch.contracts.lake_manifest import LakeObject
from cinematch.contracts.lake_paths import DEAD_LETTERS_FOLDER, ObjectName
from cinematch.contracts.lake_schema import DEAD_LETTERS_SCHEMA, KafkaPlace, letters_from_table, letters_to_table
from cinematch.contracts.log_record import LogPartition
from cinematch.settings import Settings
from data_lake.commands import lake
from data_lake.compaction import CompactionLimits
from data_lake.inspection import inspect
from data_lake.letter_retention import drop_old_letters
from tests.environments import environment_of

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("minio_server")]

TODAY = date(2026, 4, 30)
LIMITS = CompactionLimits(10_000_000, timedelta(days=1))
PLACE = LogPartition("dead-letters", 0)


@pytest.fixture
def folder(settings: Settings) -> LakeFolder:
    return LakeFolder(s3_objects.connect(settings), DEAD_LETTERS_FOLDER)


def store(folder: LakeFolder, offset: int, day: date) -> str:
    """Append an object of one letter of a day; give its key."""
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    letter = DeadLetter("no JSON", "data_lake", "events", 0, offset, b"key", b"{", at)
    link = LakeObject(
        key=ObjectName(DEAD_LETTERS_FOLDER, PLACE, day, offset).key,
        topic=PLACE.topic,
        topic_id="without-kafka",
        partition=PLACE.partition,
        day=day,
        first_offset=offset,
        next_offset=offset + 1,
        rows=1,
    )
    folder.append(*encode_file(letters_to_table([(letter, KafkaPlace(0, offset, at))]), link))
    return link.key


def offsets(folder: LakeFolder, settings: Settings) -> list[int]:
    """The letters that are left."""
    rows = s3_lake_files.connect(settings).rows(folder.view().keys(), DEAD_LETTERS_SCHEMA)
    return [letter.offset for letter in letters_from_table(rows)]


def test_letters_of_the_last_days_stay_and_older_ones_go(folder: LakeFolder, settings: Settings) -> None:
    for offset, age_days in enumerate((40, 31, 30, 0)):
        store(folder, offset, TODAY - timedelta(days=age_days))
    assert drop_old_letters(folder, LIMITS, 30, TODAY) == 2
    assert offsets(folder, settings) == [2, 3]
    assert inspect(folder, s3_lake_files.connect(settings), deep=True).faults == []
    assert folder.last_links()[PLACE].next_offset == 4


def test_what_was_dropped_is_dropped_once(folder: LakeFolder) -> None:
    store(folder, 0, TODAY - timedelta(days=31))
    assert drop_old_letters(folder, LIMITS, 30, TODAY) == 1
    newest = folder.newest_manifest()
    assert drop_old_letters(folder, LIMITS, 30, TODAY) == 0
    assert folder.newest_manifest() == newest


def test_the_nightly_compaction_drops_them_by_the_setting(
    folder: LakeFolder, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = datetime.now(UTC).date()
    old = store(folder, 0, today - timedelta(days=8))
    store(folder, 1, today - timedelta(days=1))
    for variable, value in environment_of(settings, dead_letter_retention_days=7).items():
        monkeypatch.setenv(variable, value)
    done = CliRunner().invoke(lake, ["compact", "--folder", "dead-letters"])
    assert done.exit_code == 0, done.output
    assert offsets(folder, settings) == [1]
    assert old not in folder.sizes()
