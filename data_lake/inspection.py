"""Looks at a real lake: reads accounts, footers or all offsets, and hands them to the verification."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from cinematch.adapters.kafka_connection import Brokers
from cinematch.adapters.kafka_consumer import topic_id
from cinematch.adapters.kafka_log import record_at
from cinematch.adapters.kafka_log_watch import LogWatch
from cinematch.adapters.s3_lake_files import LakeFiles
from cinematch.adapters.s3_lake_folder import LakeFolder
from cinematch.contracts.lake_file import OFFSET
from cinematch.contracts.lake_manifest import LakeObject
from cinematch.contracts.log_record import LogPartition
from cinematch.errors import NotFound
from data_lake.continuity import Row, is_same, last_row
from data_lake.refusal import refusal
from data_lake.tables import DeadLettersTable, EventsTable, LakeTable
from data_lake.verification import PartitionReport, verify_chains, verify_file, verify_offsets

FILES_AT_ONCE: Final = 8
TABLES: Final[tuple[LakeTable, ...]] = (EventsTable(), DeadLettersTable())
Advance = Callable[[int, int], None]
"""Told how many objects are done, and of how many."""


@dataclass(frozen=True, slots=True)
class FolderReport:
    """What `lake verify` found in one folder.

    `superseded`: replaced objects that wait for their deletion. `refusals`: partitions of Kafka that cannot go on here.
    `last_rows`: what names the record at which a partition ends, where that has a row.
    """

    folder: str
    partitions: list[PartitionReport]
    superseded: int
    file_faults: list[str]
    refusals: list[str] = field(default_factory=list)
    last_rows: dict[LogPartition, Row] = field(default_factory=dict)

    @property
    def faults(self) -> list[str]:
        """Give every fault and loss, as sentences."""
        return [text for it in self.partitions for text in it.faults + it.losses] + self.file_faults + self.refusals


def inspect(
    folder: LakeFolder, files: LakeFiles, *, deep: bool = False, advance: Advance = lambda done, total: None
) -> FolderReport:
    """Verify a folder: chains and accounts, every footer, and with `deep` every row's offset."""
    view = folder.view()
    links = folder.links(view)
    file_faults = [fault for faults in _each(files, links, deep, advance) for fault in faults]
    superseded = len(view.manifest.superseded) if view.manifest else 0
    last_rows = _last_rows(files, folder.name, links)
    return FolderReport(folder.name, verify_chains(links), superseded, file_faults, last_rows=last_rows)


def refusals(report: FolderReport, topic: str, watch: LogWatch, brokers: Brokers) -> list[str]:
    """Compare what the lake has of `topic` with what Kafka has now; a topic that is not there refuses nothing yet.

    Raises StoreUnavailable.
    """
    ends = watch.ends(topic)
    known = [it for it in report.partitions if it.place in ends]
    if not known:
        return []
    now = topic_id(brokers, topic)
    found = (
        refusal(
            it.place,
            lake_id=it.topic_id,
            lake_end=it.next_offset,
            topic_id=now,
            log_end=ends[it.place],
            same_record=_goes_on(report, it.place, brokers),
        )
        for it in known
    )
    return [reason for reason in found if reason]


def _last_rows(files: LakeFiles, folder: str, links: Sequence[LakeObject]) -> dict[LogPartition, Row]:
    """Read the last object of each partition; one that cannot be read is named elsewhere."""
    table = next(it for it in TABLES if it.folder == folder)
    found = {}
    for link in {link.place: link for link in links}.values():  # by offset: the last one stays
        with suppress(NotFound, ValueError):
            found[link.place] = last_row(files.rows([link.key], table.schema), table)
    return {place: row for place, row in found.items() if row}


def _goes_on(report: FolderReport, place: LogPartition, brokers: Brokers) -> bool:
    table = next(it for it in TABLES if it.folder == report.folder)
    row = report.last_rows.get(place)
    record = row and record_at(brokers, place, row[OFFSET])
    return not row or not record or is_same(row, record, table)


def _each(files: LakeFiles, links: Sequence[LakeObject], deep: bool, advance: Advance) -> list[list[str]]:
    found = []
    with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
        for faults in pool.map(lambda link: _file_faults(files, link, deep), links):
            found.append(faults)
            advance(len(found), len(links))
    return found


def _file_faults(files: LakeFiles, link: LakeObject, deep: bool) -> list[str]:
    try:
        faults = verify_file(link, *files.account(link.key))
        return faults + (verify_offsets(link, files.column(link.key, "kafka_offset")) if deep else [])
    except NotFound:
        return [f"{link.key}: is missing"]
    except ValueError as error:
        return [f"{link.key}: cannot be read: {error}"]
