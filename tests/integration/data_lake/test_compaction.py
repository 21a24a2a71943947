"""Compaction replaces objects while readers read, sinks write, and other compactions run; it may die anywhere."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cinematch.adapters import s3_lake, s3_lake_files, s3_objects
from cinematch.adapters.s3_lake_folder import LakeFolder
from cinematch.contracts.lake_manifest import Manifest
from cinematch.contracts.lake_paths import EVENTS_FOLDER
from cinematch.contracts.lake_schema import EVENTS_SCHEMA
from cinematch.domain.events import Event
from cinematch.errors import Conflict, NotFound
from cinematch.local_stack.minio_server import MinioServer
from cinematch.settings import Settings
from data_lake.compaction import Compaction, CompactionLimits, LakeIsBroken
from data_lake.inspection import FolderReport, inspect
from data_lake.tables import EventsTable
from tests.histories import add
from tests.lakes import store_events

pytestmark = pytest.mark.integration
NEVER = timedelta(days=365)
AT_ONCE = timedelta(0)
TARGET_BYTES = 10_000_000
TODAY = datetime(2026, 1, 19, 12, tzinfo=UTC)


def event(user_id: str, sequence: int) -> Event:
    return add(sequence, f"m{sequence}", 8.0, user_id=user_id)


class Lake:
    """A lake of two partitions, ann's and bob's; one event an object."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folder = LakeFolder(s3_objects.connect(settings), EVENTS_FOLDER)
        self.files = s3_lake_files.connect(settings)
        self.written = 0

    def write(self, objects: int) -> None:
        for _ in range(objects):
            self.written += 1
            for partition, user in enumerate(("ann", "bob")):
                store_events(self.settings, [event(user, self.written)], partition, TODAY)

    def compaction(self, grace: timedelta = NEVER) -> Compaction:
        return Compaction(self.folder, EventsTable(), CompactionLimits(TARGET_BYTES, grace))

    def rows(self) -> list[tuple[str, int]]:
        columns = self.files.rows(self.folder.view().keys(), EVENTS_SCHEMA).select(["user_id", "sequence"])
        return sorted((row["user_id"], row["sequence"]) for row in columns.to_pylist())

    def expected(self) -> list[tuple[str, int]]:
        return [(user, sequence) for user in ("ann", "bob") for sequence in range(1, self.written + 1)]

    def report(self) -> FolderReport:
        return inspect(self.folder, self.files, deep=True)


@pytest.fixture
def lake(minio_server: MinioServer, settings: Settings) -> Lake:
    return Lake(settings)


def test_small_objects_become_one_a_partition_and_day_sorted_by_user(lake: Lake) -> None:
    lake.write(5)
    result = lake.compaction().run()
    assert (result.manifest, result.merged, result.written) == (1, 10, 2)
    assert len(lake.folder.view().keys()) == 2
    assert lake.rows() == lake.expected()
    lake.write(3)
    assert lake.rows() == lake.expected()
    assert lake.report().faults == []
    assert s3_lake.connect(lake.settings).events_after("ann", 2) == [event("ann", number) for number in range(3, 9)]
    assert lake.compaction().run().manifest == 2
    assert len(lake.folder.view().keys()) == 2
    assert lake.rows() == lake.expected()
    assert lake.report().faults == []


def test_replaced_objects_stay_until_the_grace_is_over(lake: Lake) -> None:
    lake.write(3)
    replaced = lake.folder.view().keys()
    lake.compaction().run()
    assert lake.compaction().run().manifest is None
    assert set(replaced) <= set(lake.folder.sizes())
    assert lake.compaction(AT_ONCE).run().deleted == len(replaced)
    assert set(lake.folder.sizes()) == set(lake.folder.view().keys())
    assert lake.rows() == lake.expected()
    assert lake.compaction(AT_ONCE).run().deleted == 0


def test_an_empty_lake_needs_no_manifest(lake: Lake) -> None:
    assert lake.compaction().run().manifest is None
    assert lake.folder.newest_manifest() is None


def test_readers_see_every_row_once_while_sinks_write_and_compactions_run(lake: Lake) -> None:
    lake.write(3)
    stop = threading.Event()
    failures: list[str] = []
    reads: list[int] = []

    def read() -> None:
        while not stop.is_set():
            at_least = lake.written - 1
            rows = lake.rows()
            by_user = {user: [number for name, number in rows if name == user] for user in ("ann", "bob")}
            reads.append(len(rows))
            failures.extend(
                f"{user}: {numbers}"
                for user, numbers in by_user.items()
                if numbers != list(range(1, len(numbers) + 1)) or len(numbers) < at_least
            )

    def compact() -> None:
        while not stop.is_set():
            with suppress(Conflict):
                lake.compaction().run()

    threads = [threading.Thread(target=work) for work in (read, read, compact, compact)]
    for thread in threads:
        thread.start()
    lake.write(12)
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(reads) > 5
    manifest = lake.folder.newest_manifest()
    assert manifest is not None
    assert manifest.number > 2
    assert lake.rows() == lake.expected()
    assert lake.report().faults == []


class Crash(Exception):
    """Stands for kill -9 between two steps: nothing of ours catches it."""


@pytest.mark.parametrize("calls_before_the_crash", range(3))
def test_a_compaction_that_dies_before_its_manifest_changes_nothing(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, calls_before_the_crash: int
) -> None:
    lake.write(4)
    remaining = iter(range(calls_before_the_crash))
    put = lake.folder.objects.put_new

    def put_or_die(*arguments: Any) -> None:
        if next(remaining, None) is None:
            raise Crash
        put(*arguments)

    monkeypatch.setattr(lake.folder.objects, "put_new", put_or_die)
    with pytest.raises(Crash):
        lake.compaction().run()
    monkeypatch.undo()
    assert lake.rows() == lake.expected()
    assert lake.report().faults == []
    lake.compaction().run()
    lake.write(1)
    lake.compaction(AT_ONCE).run()
    lake.compaction(AT_ONCE).run()
    assert set(lake.folder.sizes()) == set(lake.folder.view().keys()), "leftovers are gone"
    assert lake.rows() == lake.expected()


def test_of_two_compactions_one_is_published(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.write(4)
    publish = lake.folder.publish

    def be_overtaken(manifest: Manifest) -> None:
        monkeypatch.undo()
        lake.compaction().run()
        lake.write(1)
        publish(manifest)

    monkeypatch.setattr(lake.folder, "publish", be_overtaken)
    with pytest.raises(Conflict):
        lake.compaction().run()
    assert lake.rows() == lake.expected()
    assert lake.report().faults == []
    lake.compaction(AT_ONCE).run()
    lake.compaction(AT_ONCE).run()
    assert set(lake.folder.sizes()) == set(lake.folder.view().keys()), "the loser's objects are gone"
    assert lake.rows() == lake.expected()


def test_a_manifest_that_was_sent_twice_is_published(lake: Lake) -> None:
    lake.write(2)
    lake.compaction().run()
    manifest = lake.folder.newest_manifest()
    assert manifest is not None
    lake.folder.publish(manifest)


def test_a_writer_asleep_since_before_the_compaction_is_fenced_and_its_object_not_read(lake: Lake) -> None:
    lake.write(3)
    asleep = lake.folder.links(lake.folder.view())[1]  # ann's second object, as a zombie would write it again
    body = lake.folder.objects.get(asleep.key)
    lake.compaction().run()
    lake.compaction(AT_ONCE).run()
    with pytest.raises(NotFound):
        lake.folder.objects.get(asleep.key)
    with pytest.raises(Conflict, match="compacted long ago"):
        lake.folder.append(asleep, body)
    assert lake.rows() == lake.expected()
    assert lake.report().faults == []
    lake.compaction(AT_ONCE).run()
    lake.compaction(AT_ONCE).run()
    assert asleep.key not in lake.folder.sizes()


def test_a_broken_lake_is_not_compacted(lake: Lake) -> None:
    lake.write(3)
    missing = lake.folder.view().keys()[1]
    lake.folder.remove([missing])
    with pytest.raises(LakeIsBroken, match="gap"):
        lake.compaction().run()
    assert [fault for fault in lake.report().faults if "gap" in fault]
