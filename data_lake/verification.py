"""Whether the lake is whole: every partition chains from offset 0 without gap or overlap, and every account is right.

Pure: enters what objects say of themselves and what they really hold, leaves a report with faults in sentences.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import pyarrow as pa
import pyarrow.compute as pc

from cinematch.contracts.lake_manifest import LakeObject, to_metadata
from cinematch.contracts.lake_paths import parse_object_name
from cinematch.contracts.log_record import LogPartition


@dataclass(slots=True)
class PartitionReport:
    """One partition's chain in sums: rows + rejected + lost + holes = offsets, when there is no fault.

    `topic_id`: Kafka's, of the last object. `begins_at`: the first offset that Kafka still had when the lake began.
    `losses` are sentences, too: the chain is sound, but says itself that Kafka had deleted records before the sink read
    them.
    """

    place: LogPartition
    topic_id: str = ""
    objects: int = 0
    size_bytes: int = 0
    begins_at: int = 0
    next_offset: int = 0
    rows: int = 0
    rejected: int = 0
    lost: int = 0
    holes: int = 0
    faults: list[str] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)


def verify_chains(links: Iterable[LakeObject]) -> list[PartitionReport]:
    """Walk every partition's chain in order of offsets."""
    ordered = sorted(links, key=lambda link: (link.place, link.first_offset, link.key))
    return [_verify(place, list(chain)) for place, chain in groupby(ordered, key=lambda link: link.place)]


def _verify(place: LogPartition, chain: Sequence[LakeObject]) -> PartitionReport:
    report = PartitionReport(place)
    for link in chain:
        report.faults += _place_faults(link, report.next_offset) + _account_faults(link)
        report.objects += 1
        report.size_bytes += link.size_bytes
        report.rows += link.rows
        report.rejected += link.rejected
        report.holes += link.holes
        report.lost += link.lost
        if link.lost and link.first_offset == 0:
            report.begins_at = link.lost  # gone before the lake began: nobody could have read them
        elif link.lost:
            report.losses.append(f"{link.key}: Kafka had deleted {link.lost} of its offsets before the sink read them")
        report.topic_id = link.topic_id
        report.next_offset = max(report.next_offset, link.next_offset)
    if len({link.topic_id for link in chain}) > 1:
        report.faults.append(f"{place}: objects of different topics of this name; it was deleted and created again")
    return report


def _place_faults(link: LakeObject, reached: int) -> list[str]:
    if link.first_offset > reached:
        return [
            f"{link.place}: gap, no object has the offsets {reached} to {link.first_offset - 1} (before {link.key})"
        ]
    if link.first_offset < reached:
        return [f"{link.place}: overlap, {link.key} starts at {link.first_offset}, but {reached} was reached before it"]
    return []


def _account_faults(link: LakeObject) -> list[str]:
    faults = []
    if link.next_offset <= link.first_offset:
        faults.append(f"{link.key}: covers no offset ({link.first_offset} to {link.next_offset})")
    if link.holes < 0:
        faults.append(f"{link.key}: accounts for {-link.holes} offsets too many")
    name = parse_object_name(link.key)
    if name and (name.place, name.day, name.first_offset) != (link.place, link.day, link.first_offset):
        faults.append(f"{link.key}: its name and its metadata differ")
    return faults


def verify_file(link: LakeObject, footer: LakeObject, rows: int) -> list[str]:
    """Compare what the chain knows of an object with its footer and the rows that it really has."""
    faults = []
    if to_metadata(link) != to_metadata(footer):
        faults.append(f"{link.key}: its footer and its metadata differ")
    if rows != link.rows:
        faults.append(f"{link.key}: has {rows} rows, but accounts for {link.rows}")
    return faults


def verify_offsets(link: LakeObject, offsets: pa.ChunkedArray) -> list[str]:
    """Check every row's offset: each within the object's range, none twice."""
    if not len(offsets):
        return []
    limits = pc.min_max(offsets).as_py()
    faults = []
    if limits["min"] < link.first_offset or limits["max"] >= link.next_offset:
        faults.append(f"{link.key}: has rows of other offsets ({limits['min']} to {limits['max']})")
    if pc.count_distinct(offsets).as_py() != len(offsets):
        faults.append(f"{link.key}: has offsets twice")
    return faults
