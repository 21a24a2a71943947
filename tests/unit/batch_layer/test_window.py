"""The window reaches back to whatever the last generation may not contain, however old it is."""

from __future__ import annotations

from datetime import UTC, date, datetime

from batch_layer.window import Window, window
from cinematch.contracts.lake_manifest import LakeObject, LakeView, Manifest, TailObject
from cinematch.contracts.lake_paths import ObjectName
from cinematch.contracts.log_record import LogPartition

OLD, NEW = date(2026, 1, 1), date(2026, 3, 1)


def tail(*objects: tuple[int, int, date], topic: str = "events.v1") -> tuple[TailObject, ...]:
    return tuple(
        TailObject(ObjectName("user-events", LogPartition(topic, partition), day, first), 1)
        for partition, first, day in objects
    )


def firsts(read: Window) -> list[int]:
    return [int(key.removesuffix(".parquet").rpartition("-")[2]) for key in read.keys]


def test_without_a_first_day_everything_is_read() -> None:
    view = LakeView(None, tail((0, 0, OLD), (0, 10, NEW), (1, 0, OLD)))
    read = window(view, None, {"events.v1/0": 10})
    assert firsts(read) == [0, 10, 0]
    assert read.next_offsets == {"events.v1/0": 10, "events.v1/1": 0}


def test_days_of_the_window_are_read_again() -> None:
    view = LakeView(None, tail((0, 0, OLD), (0, 10, NEW), (0, 20, NEW), (0, 30, NEW)))
    assert firsts(window(view, NEW, {"events.v1/0": 30})) == [10, 20, 30]


def test_objects_that_no_run_has_seen_are_read_however_old() -> None:
    view = LakeView(None, tail((0, 0, OLD), (0, 10, OLD), (0, 20, OLD)))
    assert firsts(window(view, NEW, {"events.v1/0": 10})) == [10, 20]


def test_the_object_of_a_waiting_event_is_read_again() -> None:
    view = LakeView(None, tail((0, 0, OLD), (0, 10, OLD), (0, 20, OLD)))
    resume = window(view, None, {}).resume_offsets({0: 15, 1: 3})
    assert resume == {"events.v1/0": 15}
    assert firsts(window(view, NEW, resume)) == [10, 20]


def test_a_new_partition_is_read_whole() -> None:
    view = LakeView(None, tail((0, 0, OLD), (1, 0, OLD), (1, 10, OLD)))
    assert firsts(window(view, NEW, {"events.v1/0": 5})) == [0, 0, 10]


def test_compacted_objects_end_where_they_say() -> None:
    def compacted(first: int, after: int) -> LakeObject:
        return LakeObject(
            f"user-events/dt=x/c-{first:020d}.parquet", "events.v1", "id", 0, OLD, first, after, after - first
        )

    manifest = Manifest(1, datetime(2026, 3, 1, tzinfo=UTC), (compacted(0, 10), compacted(10, 20)), {})
    view = LakeView(manifest, ())
    assert window(view, NEW, {"events.v1/0": 20}).keys == ()
    assert firsts(window(view, NEW, {"events.v1/0": 19})) == [10]
    assert window(view, NEW, {}).next_offsets == {"events.v1/0": 20}


def test_what_is_remembered_of_a_partition_stays_when_it_is_empty() -> None:
    assert window(LakeView(None, ()), OLD, {"events.v1/3": 7}).next_offsets == {"events.v1/3": 7}
