"""Compaction: many small objects become few large ones, sorted, while sinks write and readers read.

The protocol, safe against a crash between any two steps, and against a second compaction at the same time:
1. The newest manifest N and the objects behind its boundary are read and must chain (a broken lake is left alone).
2. What nobody needs any more is deleted: objects superseded longer than the grace period, and leftovers of compactions
   that wanted to become manifest N or an earlier one and did not. None of these can ever be named by a manifest again.
3. Neighbours of one partition and day are merged into new objects, whose names carry N + 1 and this run's own suffix.
4. Manifest N + 1 is written by a conditional PUT. This is the commit: from now on readers take the new objects. Of two
   compactions one gets through; the other gives up.
What a crash before 4, or a compactor that gave up, leaves behind is named by no manifest: a later run deletes it in 2.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Final

import pyarrow as pa

from cinematch.adapters.s3_lake_folder import LakeFolder
from cinematch.contracts.lake_file import decode_file, encode_file
from cinematch.contracts.lake_manifest import LakeObject, Manifest, to_metadata
from cinematch.contracts.lake_paths import compacted_key, compaction_number, parse_object_name
from cinematch.errors import CineMatchError, Conflict, NotFound
from data_lake.tables import LakeTable
from data_lake.verification import verify_chains

MANIFESTS_KEPT: Final = 10
"""Old manifests kept for whoever wants to see what happened; readers need only the newest."""
LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


class LakeIsBroken(CineMatchError):
    """The chain has a fault; merging would hide it."""


@dataclass(frozen=True, slots=True)
class CompactionLimits:
    """How large a merged object may become, and how long a replaced one stays."""

    target_bytes: int
    grace: timedelta


@dataclass(frozen=True, slots=True)
class Forgetting:
    """Rows to leave out: `keys` names the objects that hold some, `keep` gives the other rows of a table.

    In the account of an object their offsets become holes. An object that is replaced for them stays for nobody: it
    counts as superseded since LONG_AGO, so the next compaction deletes it, whatever the grace.
    """

    keys: Collection[str]
    keep: Callable[[pa.Table], pa.Table]


@dataclass(frozen=True, slots=True)
class CompactionResult:
    """What one run did. `manifest`: the one that it published, None when there was nothing to publish."""

    manifest: int | None
    merged: int
    written: int
    deleted: int


@dataclass(frozen=True, slots=True)
class Situation:
    """What a run starts from."""

    manifest: Manifest
    links: list[LakeObject]
    stored: list[str]


def plan(links: Iterable[LakeObject], target_bytes: int) -> list[list[LakeObject]]:
    """Group neighbours in the chain, of one partition and day, up to `target_bytes`; a group of one stays as it is.

    What has half the target already is left alone, so that nothing is written again and again.
    """

    def large(link: LakeObject) -> bool:
        return link.size_bytes * 2 >= target_bytes

    groups: list[list[LakeObject]] = []
    for _, neighbours in groupby(links, key=lambda link: (link.place, link.day)):
        current: list[LakeObject] = []
        for link in neighbours:
            full = sum(it.size_bytes for it in current) + link.size_bytes > target_bytes
            if not current or full or large(link) or large(current[0]):
                current = []
                groups.append(current)
            current.append(link)
    return groups


class Compaction:
    """Compacts one folder. Raises Conflict when another compaction was first, LakeIsBroken, StoreUnavailable."""

    def __init__(
        self,
        folder: LakeFolder,
        table: LakeTable,
        limits: CompactionLimits,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        forgetting: Forgetting | None = None,
    ) -> None:
        self._folder = folder
        self._table = table
        self._limits = limits
        self._now = now
        self._forgetting = forgetting

    def run(self, advance: Callable[[int, int], None] = lambda done, total: None) -> CompactionResult:
        """Do it once. `advance` is told how many objects of how many are merged."""
        try:
            return self._run(advance)
        except NotFound as error:  # only another compaction deletes
            raise Conflict(f"another compaction is at work: {error}") from error

    def _run(self, advance: Callable[[int, int], None]) -> CompactionResult:
        found = self._situation()  # 1
        deleted = self._delete(found)  # 2
        groups = self._groups(found.links)
        merged = [group for group in groups if self._is_written_anew(group)]
        waiting = {key: since for key, since in self._superseded(found).items() if key not in deleted}
        if not merged and waiting == found.manifest.superseded:
            return CompactionResult(None, 0, 0, len(deleted))
        number = found.manifest.number + 1
        objects = self._merge_all(groups, number, advance)  # 3
        since = self._now() if self._forgetting is None else LONG_AGO
        waiting |= dict.fromkeys((link.key for group in merged for link in group), since)
        self._folder.publish(Manifest(number, self._now(), tuple(objects), waiting))  # 4
        return CompactionResult(number, sum(map(len, merged)), len(merged), len(deleted))

    def _groups(self, links: Sequence[LakeObject]) -> list[list[LakeObject]]:
        """With something to forget, every object stays by itself: no more is written than must be."""
        return plan(links, self._limits.target_bytes) if self._forgetting is None else [[link] for link in links]

    def _is_written_anew(self, group: Sequence[LakeObject]) -> bool:
        return len(group) > 1 or (self._forgetting is not None and group[0].key in self._forgetting.keys)

    def _situation(self) -> Situation:
        view = self._folder.view()
        links = self._folder.links(view)
        for report in verify_chains(links):
            if report.faults:
                raise LakeIsBroken(f"{self._folder.name} is not compacted: {report.faults[0]}")
        empty = Manifest(0, self._now(), (), {})
        return Situation(view.manifest or empty, links, list(self._folder.sizes()))

    def _superseded(self, found: Situation) -> dict[str, datetime]:
        """Give what waits for its deletion, with objects that a writer brought back below the boundary."""
        needed = {link.key for link in found.links}
        boundaries = found.manifest.boundaries()

        def returned(key: str) -> bool:
            name = parse_object_name(key)
            return name is not None and key not in needed and name.first_offset < boundaries.get(name.place, 0)

        return dict.fromkeys(filter(returned, found.stored), self._now()) | dict(found.manifest.superseded)

    def _delete(self, found: Situation) -> set[str]:
        manifest = found.manifest
        expired = {key for key, since in manifest.superseded.items() if since + self._limits.grace <= self._now()}
        known = {link.key for link in manifest.objects} | set(manifest.superseded)
        leftovers = {
            key
            for key in found.stored
            if (number := compaction_number(key)) is not None and number <= manifest.number and key not in known
        }
        self._folder.remove(expired | leftovers)
        self._folder.remove_manifests_before(manifest.number - MANIFESTS_KEPT)
        return expired | leftovers

    def _merge_all(
        self, groups: Sequence[Sequence[LakeObject]], number: int, advance: Callable[[int, int], None]
    ) -> list[LakeObject]:
        total = sum(len(group) for group in groups if self._is_written_anew(group))
        suffix = secrets.token_hex(4)
        objects, done = [], 0
        for group in groups:
            if not self._is_written_anew(group):
                objects.append(group[0])
                continue
            objects.append(self._merge(group, number, suffix))
            done += len(group)
            advance(done, total)
        return objects

    def _merge(self, group: Sequence[LakeObject], number: int, suffix: str) -> LakeObject:
        first, last = group[0], group[-1]
        tables = [decode_file(self._folder.objects.get(link.key)) for link in group]
        rows = pa.concat_tables(tables, promote_options="default")  # older files lack columns that came later
        link = replace(
            last,
            key=compacted_key(self._folder.name, first.day, number, first.place, first.first_offset, suffix),
            first_offset=first.first_offset,
            rows=sum(it.rows for it in group),
            rejected=sum(it.rejected for it in group),
            lost=sum(it.lost for it in group),
        )
        if rows.num_rows != link.rows:
            raise LakeIsBroken(f"{link.place}: {rows.num_rows} rows where the chain accounts for {link.rows}")
        if self._forgetting is not None:
            rows = self._forgetting.keep(rows)
            link = replace(link, rows=rows.num_rows)
        ordered = rows.sort_by([(column, "ascending") for column in self._table.sorted_by])
        link, body = encode_file(ordered, link, self._table.sorted_by)
        self._folder.objects.put_new(link.key, body, to_metadata(link))
        return link
