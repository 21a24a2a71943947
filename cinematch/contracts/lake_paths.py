"""Names of the lake's objects.

    user-events/dt=2026-01-19/user-movie-events-00003-00000000000000001200.parquet      written by the sink
    user-events/dt=2026-01-19/compacted-0000000007-...-00003-00000000000000000000-1f.parquet  written by compaction
    user-events/_manifests/0000000007.json                                              see lake_manifest

A sink's name follows from the partition, the first offset and the day alone, so two writers of one range want the same
name and the conditional PUT lets one of them have it.

**The day** (`dt`) is the UTC date of Kafka's timestamp of the first record. An object is closed before a record of a
later date, so *no record of an object is younger than its `dt`* (stragglers may be older). An event reaches Kafka after
it happened, hence its `event_time` is not younger either, up to the difference of two machines' clocks: a reader that
wants everything since a moment may leave out every object whose day lies more than `CLOCK_SKEW` before it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from cinematch.contracts.log_record import LogPartition

EVENTS_FOLDER: Final = "user-events"
DEAD_LETTERS_FOLDER: Final = "user-events-dead-letter"
FOLDERS: Final = (EVENTS_FOLDER, DEAD_LETTERS_FOLDER)
CLOCK_SKEW: Final = timedelta(days=1)
NO_TIMESTAMP_DAY: Final = date(1970, 1, 1)
"""The day of an object whose first record has no timestamp."""

_SINK_NAME: Final = re.compile(
    r"(?P<folder>[^/]+)/dt=(?P<day>\d{4}-\d\d-\d\d)/(?P<topic>.+)-(?P<partition>\d{5})-(?P<first>\d{20})\.parquet"
)
_COMPACTED_NAME: Final = re.compile(r"[^/]+/dt=[^/]+/compacted-(?P<number>\d{10})-.+\.parquet")
_MANIFEST_NAME: Final = re.compile(r"[^/]+/_manifests/(?P<number>\d{10})\.json")


@dataclass(frozen=True, slots=True)
class ObjectName:
    """The name of an object that a sink writes."""

    folder: str
    place: LogPartition
    day: date
    first_offset: int

    @property
    def key(self) -> str:
        """Give the object's key in the bucket."""
        file = f"{self.place.topic}-{self.place.partition:05d}-{self.first_offset:020d}.parquet"
        return f"{self.folder}/dt={self.day.isoformat()}/{file}"


def spark_uri(bucket: str, key: str) -> str:
    """Name an object or a folder of a bucket for Spark."""
    return f"s3a://{bucket}/{key}"


def parse_object_name(key: str) -> ObjectName | None:
    """Read a sink's object name; None for any other key."""
    match = _SINK_NAME.fullmatch(key)
    if match is None or compaction_number(key) is not None:
        return None
    try:
        day = date.fromisoformat(match["day"])
    except ValueError:  # dt=2026-02-30: nobody's day, so none of ours
        return None
    return ObjectName(match["folder"], LogPartition(match["topic"], int(match["partition"])), day, int(match["first"]))


def compacted_key(folder: str, day: date, number: int, place: LogPartition, first_offset: int, suffix: str) -> str:
    """Name an object of the compaction that wants to become manifest `number`; `suffix` makes it that run's own."""
    file = f"compacted-{number:010d}-{place.topic}-{place.partition:05d}-{first_offset:020d}-{suffix}.parquet"
    return f"{folder}/dt={day.isoformat()}/{file}"


def compaction_number(key: str) -> int | None:
    """Give the manifest number that a compacted object was written for; None for any other key."""
    match = _COMPACTED_NAME.fullmatch(key)
    return int(match["number"]) if match else None


def manifests_prefix(folder: str) -> str:
    """Give the prefix of the manifests; Spark and pyarrow take names with an underscore for hidden."""
    return f"{folder}/_manifests/"


def manifest_key(folder: str, number: int) -> str:
    """Name a manifest."""
    return f"{manifests_prefix(folder)}{number:010d}.json"


def manifest_number(key: str) -> int | None:
    """Give a manifest's number; None for any other key."""
    match = _MANIFEST_NAME.fullmatch(key)
    return int(match["number"]) if match else None


def day_of(timestamp: datetime | None) -> date:
    """Give the UTC day that a record belongs to."""
    return NO_TIMESTAMP_DAY if timestamp is None else timestamp.astimezone(UTC).date()


def first_day_needed(since: datetime) -> date:
    """Give the earliest day whose objects can hold something that happened, or reached Kafka, at or after `since`."""
    return (since.astimezone(UTC) - CLOCK_SKEW).date()
