"""The chain of the lake's objects, and the manifest through which compaction replaces a part of it.

**Chain.** Every object covers the offsets [first_offset, next_offset) of one partition. The first object of a partition
starts at 0, each further one where the one before it ends. A writer learns its first offset either from the lake or
from the object that it wrote itself, so it can only extend the chain at its end, and the conditional PUT lets one
writer do that: objects of one partition can neither overlap nor leave a gap. Offsets without a row are accounted for:
`rejected` (in the dead-letter topic), `lost` (Kafka had deleted them before we came), and holes (Kafka's own control
records, what topic compaction removed, and the rows of erased users).

**Manifest.** An immutable, numbered list of objects that together cover each partition's chain from 0 up to the
manifest's boundary. Whatever a sink wrote below the boundary and the manifest does not name is superseded, is not read,
and is deleted after a grace period. The newest manifest counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Final

import orjson

from cinematch.contracts.event_codec import rfc3339
from cinematch.contracts.lake_paths import ObjectName, parse_object_name
from cinematch.contracts.log_record import LogPartition

MANIFEST_VERSION: Final = 1
METADATA_PREFIX: Final = "cinematch-"


@dataclass(frozen=True, slots=True)
class LakeObject:
    """One link of a partition's chain, with the account of its offsets. `topic_id` is Kafka's id of the topic."""

    key: str
    topic: str
    topic_id: str
    partition: int
    day: date
    first_offset: int
    next_offset: int
    rows: int
    rejected: int = 0
    lost: int = 0
    size_bytes: int = 0

    @property
    def place(self) -> LogPartition:
        """Give the partition that the object belongs to."""
        return LogPartition(self.topic, self.partition)

    @property
    def holes(self) -> int:
        """Give the number of offsets without a record: none that could be read, or erased. Negative is a fault."""
        return self.next_offset - self.first_offset - self.rows - self.rejected - self.lost


def to_metadata(link: LakeObject) -> dict[str, str]:
    """Give what an object says of itself, the same in S3's user metadata and in the Parquet footer."""
    names = ("topic", "topic_id", "partition", "day", "first_offset", "next_offset", "rows", "rejected", "lost")
    return {METADATA_PREFIX + name.replace("_", "-"): str(getattr(link, name)) for name in names}


def from_metadata(key: str, size_bytes: int, metadata: Mapping[str, str]) -> LakeObject:
    """Read what `to_metadata` wrote. Raises ValueError when something is missing or no number."""

    def text(name: str) -> str:
        try:
            return metadata[METADATA_PREFIX + name]
        except KeyError:
            raise ValueError(f"{key}: no {name} in its metadata") from None

    return LakeObject(
        key=key,
        topic=text("topic"),
        topic_id=text("topic-id"),
        partition=int(text("partition")),
        day=date.fromisoformat(text("day")),
        first_offset=int(text("first-offset")),
        next_offset=int(text("next-offset")),
        rows=int(text("rows")),
        rejected=int(text("rejected")),
        lost=int(text("lost")),
        size_bytes=size_bytes,
    )


@dataclass(frozen=True, slots=True)
class Manifest:
    """A generation of the lake's chain. `superseded`: keys that wait for their deletion, and since when."""

    number: int
    published_at: datetime
    objects: tuple[LakeObject, ...]
    superseded: Mapping[str, datetime]

    def boundary(self, place: LogPartition) -> int:
        """Give the offset up to which the manifest covers the partition; 0 when it does not know it."""
        return max((link.next_offset for link in self.objects if link.place == place), default=0)

    def boundaries(self) -> dict[LogPartition, int]:
        """Give the boundary of every partition that the manifest knows."""
        reached: dict[LogPartition, int] = {}
        for link in self.objects:
            reached[link.place] = max(link.next_offset, reached.get(link.place, 0))
        return reached


def encode_manifest(manifest: Manifest) -> bytes:
    """Write a manifest as JSON."""
    return orjson.dumps(
        {
            "version": MANIFEST_VERSION,
            "number": manifest.number,
            "published_at": rfc3339(manifest.published_at),
            "objects": [asdict(link) for link in manifest.objects],
            "superseded": {key: rfc3339(since) for key, since in manifest.superseded.items()},
        },
        option=orjson.OPT_INDENT_2,
    )


def decode_manifest(document: bytes) -> Manifest:
    """Read a manifest. Raises ValueError for a version that this program does not know."""
    fields: dict[str, Any] = orjson.loads(document)
    if fields["version"] != MANIFEST_VERSION:
        raise ValueError(f"manifest version {fields['version']} is not known here; this program is older than the lake")
    return Manifest(
        number=fields["number"],
        published_at=datetime.fromisoformat(fields["published_at"]),
        objects=tuple(LakeObject(**link | {"day": date.fromisoformat(link["day"])}) for link in fields["objects"]),
        superseded={key: datetime.fromisoformat(since) for key, since in fields["superseded"].items()},
    )


@dataclass(frozen=True, slots=True)
class TailObject:
    """An object behind the boundary, known by its name only."""

    name: ObjectName
    size_bytes: int


@dataclass(frozen=True, slots=True)
class LakeView:
    """The exact set of objects that make up a folder of the lake: a prefix of every partition's chain."""

    manifest: Manifest | None
    tail: tuple[TailObject, ...]

    def keys(self, first_day: date | None = None) -> list[str]:
        """Give the keys to read, those of days before `first_day` left out."""
        return [key for keys in self.keys_by_place(first_day).values() for key in keys]

    def keys_by_place(self, first_day: date | None = None) -> dict[LogPartition, list[str]]:
        """Give the same by partition."""
        known: list[LakeObject | ObjectName] = [*(self.manifest.objects if self.manifest else ())]
        keys: dict[LogPartition, list[str]] = {}
        for each in known + [tail.name for tail in self.tail]:
            if first_day is None or each.day >= first_day:
                keys.setdefault(each.place, []).append(each.key)
        return keys


def current_view(manifest: Manifest | None, before: Mapping[str, int], now: Mapping[str, int]) -> LakeView:
    """Find the current set from two listings (key -> bytes), the second begun after the first ended.

    A listing takes several requests, and objects appear meanwhile: it may show an object and miss the one before it.
    But a link is written after the one before it, so whatever the first listing shows, the second shows with all that
    comes before it. The manifest must have been read after both: then what is missing from a listing because it was
    deleted lies below the manifest's boundary.
    """
    limits = _last_offsets(before)
    boundaries = manifest.boundaries() if manifest else {}
    tail = [
        TailObject(name, size)
        for key, size in now.items()
        if (name := parse_object_name(key))
        and boundaries.get(name.place, 0) <= name.first_offset <= limits.get(name.place, -1)
    ]
    return LakeView(manifest, tuple(sorted(tail, key=lambda it: (it.name.place, it.name.first_offset, it.name.day))))


def _last_offsets(keys: Iterable[str]) -> dict[LogPartition, int]:
    last: dict[LogPartition, int] = {}
    for key in keys:
        if name := parse_object_name(key):
            last[name.place] = max(name.first_offset, last.get(name.place, 0))
    return last
