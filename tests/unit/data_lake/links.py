"""Links of chains for tests: `chain([3, 5])` covers the offsets [0, 3) and [3, 8)."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import accumulate, pairwise

from hypothesis import strategies as st

from cinematch.contracts.lake_manifest import LakeObject
from cinematch.contracts.lake_paths import EVENTS_FOLDER, ObjectName
from cinematch.contracts.log_record import LogPartition

DAY = date(2026, 1, 19)
chains = st.lists(st.integers(1, 9), max_size=8)


def link(first: int, end: int, partition: int = 0, day: date = DAY, size_bytes: int = 1_000) -> LakeObject:
    """Give a link full of rows."""
    name = ObjectName(EVENTS_FOLDER, LogPartition("user-movie-events", partition), day, first)
    return LakeObject(
        key=name.key,
        topic="user-movie-events",
        topic_id="topic",
        partition=partition,
        day=day,
        first_offset=first,
        next_offset=end,
        rows=end - first,
        size_bytes=size_bytes,
    )


def chain(lengths: list[int], partition: int = 0, links_a_day: int = 3) -> list[LakeObject]:
    """Give a sound chain of objects of these lengths."""
    bounds = pairwise(accumulate(lengths, initial=0))
    return [
        link(first, end, partition, DAY + timedelta(days=number // links_a_day))
        for number, (first, end) in enumerate(bounds)
    ]
