"""Erasure in the lake: no object is left that has a row of the user, and nobody who reads is disturbed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cinematch.adapters import s3_lake_files, s3_objects
from cinematch.adapters.s3_lake_folder import LakeFolder
from cinematch.contracts.erasure import Erasure, Removed, user_digest
from cinematch.contracts.exclusion import ERASURE, new_owner
from cinematch.contracts.lake_file import decode_file
from cinematch.contracts.lake_paths import EVENTS_FOLDER, ObjectName
from cinematch.contracts.lake_schema import EVENTS_SCHEMA
from cinematch.contracts.log_record import LogPartition
from cinematch.errors import Conflict, StoreUnavailable
from cinematch.local_stack.minio_server import MinioServer
from cinematch.settings import Settings
from data_lake.compaction import Compaction, CompactionLimits
from data_lake.eraser import LOOKS_AGAIN_AT, WAITS_FOR_READERS, LakeEraser
from data_lake.forgotten_rows import ForgottenRows
from data_lake.inspection import inspect
from data_lake.tables import EventsTable
from tests.histories import add
from tests.lakes import store_events
from tests.twins.memory_lease import Holding, MemoryLease

pytestmark = pytest.mark.integration
A_DAY = timedelta(days=1)
NOON = datetime(2026, 1, 19, 12, tzinfo=UTC)
ANN = Erasure(
    user_digest("ann"),
    floor=2,
    erased_at=NOON,
    user_id="ann",
    steps={"ingestion": {"done_at": NOON}},
    notes={"log_ends": []},
)


class NoLog:
    """Kafka, of which the sink has stored everything."""

    def ends(self, topic: str) -> dict[LogPartition, int]:
        return {}


class Lake:
    """Two partitions: ann's events (of which the third is behind the floor) and bob's, each in an object of its own."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folder = LakeFolder(s3_objects.connect(settings), EVENTS_FOLDER)
        self.files = s3_lake_files.connect(settings)
        self.holding = Holding()
        for sequence in (1, 2, 3):
            for partition, user in enumerate(("ann", "bob")):
                store_events(settings, [add(sequence, f"m{sequence}", 8.0, user_id=user)], partition, NOON)

    def eraser(self, grace: timedelta = A_DAY) -> LakeEraser:
        shelves = {self.settings.events_topic: (EventsTable(), self.folder)}
        return LakeEraser(
            shelves, self.files, NoLog(), lambda: MemoryLease(new_owner(ERASURE), self.holding, 0.04), grace
        )

    def compact(self) -> None:
        Compaction(self.folder, EventsTable(), CompactionLimits(10_000_000, A_DAY)).run()

    def holding_ann(self) -> list[str]:
        """Name every object that exists and has a row of ann up to the floor."""
        rows = {key: decode_file(self.folder.objects.get(key)) for key in self.folder.sizes()}
        wanted = EventsTable().of_erased("ann", 2)
        return [key for key, found in rows.items() if found.filter(wanted).num_rows]

    def rows(self) -> list[tuple[str, int]]:
        found = self.files.rows(self.folder.view().keys(), EVENTS_SCHEMA).select(["user_id", "sequence"]).to_pylist()
        return sorted((row["user_id"], row["sequence"]) for row in found)


LEFT = [("ann", 3), ("bob", 1), ("bob", 2), ("bob", 3)]


@pytest.fixture
def lake(minio_server: MinioServer, settings: Settings) -> Lake:
    return Lake(settings)


def test_rows_up_to_the_floor_go_with_their_objects_and_the_chain_stays_whole(lake: Lake) -> None:
    assert lake.eraser().erase(ANN) == Removed({EVENTS_FOLDER: 2})
    assert lake.holding_ann() == []
    assert lake.rows() == LEFT
    assert inspect(lake.folder, lake.files, deep=True).faults == []
    assert lake.holding.owner is None


def test_what_a_compaction_has_just_replaced_stays_for_its_readers_and_is_waited_for(lake: Lake) -> None:
    replaced = set(lake.folder.view().keys())
    lake.compact()
    removed = lake.eraser().erase(ANN)
    assert (removed.counts, removed.waits_for) == ({EVENTS_FOLDER: 2}, WAITS_FOR_READERS)
    assert replaced <= set(lake.folder.sizes()), "a reader may have listed them"
    assert lake.rows() == LEFT
    waiting = replace(ANN, notes={**ANN.notes, **removed.notes})
    lake.holding.owner = "host/1/a-run"
    assert lake.eraser().erase(waiting) == Removed({}, WAITS_FOR_READERS)
    lake.holding.owner = None
    later = replace(ANN, notes={**ANN.notes, LOOKS_AGAIN_AT: NOON})
    assert lake.eraser(grace=timedelta(0)).erase(later) == Removed({EVENTS_FOLDER: 0})
    assert lake.holding_ann() == []
    assert lake.rows() == LEFT


def test_the_lease_is_not_needed_where_nothing_is_to_be_removed(lake: Lake) -> None:
    lake.holding.owner = "host/1/a-run"
    with pytest.raises(Conflict, match="a batch run is at work"):
        lake.eraser().erase(ANN)
    nobody = replace(ANN, digest=user_digest("cid"), user_id="cid")
    assert lake.eraser().erase(nobody) == Removed({EVENTS_FOLDER: 0})


def interrupted(method: str, by: Callable[[], None]) -> Any:
    """Give the method of ForgottenRows with something that happens right after it."""
    original = getattr(ForgottenRows, method)

    def interrupt(self: ForgottenRows, *arguments: Any) -> None:
        original(self, *arguments)
        by()

    return interrupt


def test_killed_before_the_old_objects_are_deleted_the_next_attempt_deletes_them(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ForgottenRows, "rewrite", interrupted("rewrite", die))
    with pytest.raises(KeyboardInterrupt):
        lake.eraser().erase(ANN)
    monkeypatch.undo()
    assert len(lake.holding_ann()) == 2
    assert lake.eraser().erase(ANN).waits_for is None
    assert lake.holding_ann() == []


def test_who_has_lost_the_lease_to_a_run_deletes_nothing_that_it_may_have_listed(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose() -> None:
        lake.holding.owner = "host/1/a-run"

    listed = set(lake.folder.view().keys())
    monkeypatch.setattr(ForgottenRows, "rewrite", interrupted("rewrite", lose))
    with pytest.raises(Conflict, match="another one has taken over"):
        lake.eraser().erase(ANN)
    assert listed <= set(lake.folder.sizes())


def test_an_object_that_cannot_be_read_is_named_as_a_fault_of_the_store(lake: Lake) -> None:
    objects, place = lake.folder.objects, LogPartition(lake.settings.events_topic, 2)
    whole = objects.head(lake.folder.view().keys()[0]).metadata
    damaged = ObjectName(EVENTS_FOLDER, place, NOON.date(), 0).key
    objects.put_new(damaged, b"no Parquet", {**whole, "cinematch-partition": "2"})
    with pytest.raises(StoreUnavailable, match="lake verify"):
        lake.eraser().erase(ANN)
