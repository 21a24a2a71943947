"""Rows of one folder of the lake on their way out: found in every object that exists, and written nowhere again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from cinematch.adapters.s3_lake_files import LakeFiles
from cinematch.adapters.s3_lake_folder import LakeFolder
from cinematch.contracts.lake_paths import compaction_number, parse_object_name
from cinematch.errors import NotFound
from data_lake.compaction import Compaction, CompactionLimits, Forgetting
from data_lake.tables import LakeTable

FILES_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class Found:
    """Objects that hold such rows: the current ones with how many, and others that exist still (superseded, left over
    from a compaction that gave up)."""

    current: Mapping[str, int]
    others: frozenset[str]

    @property
    def rows(self) -> int:
        """Count those of current objects."""
        return sum(self.current.values())

    def __bool__(self) -> bool:
        return bool(self.current or self.others)


class ForgottenRows:
    """The rows that match `wanted`. Raises StoreUnavailable, NotFound (look again), ValueError for what is no file."""

    def __init__(
        self, table: LakeTable, folder: LakeFolder, files: LakeFiles, wanted: pc.Expression, grace: timedelta
    ) -> None:
        self.folder = folder
        self._table = table
        self._files = files
        self._wanted = wanted
        self._limits = CompactionLimits(target_bytes=1, grace=grace)

    def look(self) -> Found:
        """Look through every object. One that appears meanwhile is a sink's, or was made of those that are seen."""
        current = self.folder.view().keys()
        ours = {key for key in self.folder.sizes() if parse_object_name(key) or compaction_number(key) is not None}
        others = sorted(ours - set(current))
        with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
            return Found(
                _holding(current, pool.map(self._count, current)),
                frozenset(_holding(others, pool.map(self._count_of_other, others))),
            )

    def rewrite(self, keys: Collection[str]) -> None:
        """Write these current objects anew without the rows. Raises Conflict, LakeIsBroken."""
        Compaction(self.folder, self._table, self._limits, forgetting=Forgetting(keys, self._without)).run()

    def delete_replaced(self) -> None:
        """Delete what `rewrite` has replaced, and what a compaction did longer than the grace ago. Raises Conflict."""
        Compaction(self.folder, self._table, self._limits, forgetting=Forgetting((), _all)).run()

    def _count(self, key: str) -> int:
        return self._files.count(key, self._table.schema, self._wanted)

    def _count_of_other(self, key: str) -> int:
        try:
            return self._count(key)
        except NotFound:  # deleted since
            return 0

    def _without(self, rows: pa.Table) -> pa.Table:
        """Give the rows that do not match; where nothing can be compared (null), they stay."""
        kept = ds.dataset(rows).to_table(filter=~self._wanted | self._wanted.is_null())
        return kept.replace_schema_metadata(rows.schema.metadata)


def _holding(keys: Iterable[str], counts: Iterable[int]) -> dict[str, int]:
    return {key: count for key, count in zip(keys, counts, strict=True) if count}


def _all(rows: pa.Table) -> pa.Table:
    return rows
