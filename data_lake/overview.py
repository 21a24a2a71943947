"""How large the lake is and how far it reaches, for somebody who looks again and again.

An object never changes, so each one's account is read once and remembered; a look costs the listings and one request
for every object that is new.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from cinematch.adapters.s3_lake_folder import LakeFolder
from cinematch.contracts.lake_manifest import LakeObject, LakeView
from cinematch.contracts.log_record import LogPartition

HEADS_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class FolderOverview:
    """One folder. `days` and `partitions` count objects, rows, rejected records and bytes; `reached`: next offsets."""

    folder: str
    manifest: int | None
    superseded: int
    days: Mapping[str, Counter[str]]
    partitions: Mapping[int, Counter[str]]
    reached: Mapping[LogPartition, int]

    @property
    def total(self) -> Counter[str]:
        """Add up the days."""
        return sum(self.days.values(), Counter())


class FolderWatch:
    """Looks at one folder of the lake; for one thread at a time. Raises StoreUnavailable."""

    def __init__(self, folder: LakeFolder) -> None:
        self._folder = folder
        self._known: dict[str, LakeObject] = {}

    def look(self) -> FolderOverview:
        """Count what is current."""
        view = self._folder.view()
        days: dict[str, Counter[str]] = {}
        partitions: dict[int, Counter[str]] = {}
        reached: dict[LogPartition, int] = {}
        for link in self._links(view):
            counts = {"objects": 1, "rows": link.rows, "rejected": link.rejected, "bytes": link.size_bytes}
            days.setdefault(link.day.isoformat(), Counter()).update(counts)
            partitions.setdefault(link.partition, Counter()).update(counts)
            reached[link.place] = max(link.next_offset, reached.get(link.place, 0))
        manifest = view.manifest
        superseded = len(manifest.superseded) if manifest else 0
        return FolderOverview(
            self._folder.name, manifest.number if manifest else None, superseded, days, partitions, reached
        )

    def _links(self, view: LakeView) -> list[LakeObject]:
        tail = [it.name.key for it in view.tail]
        new = [key for key in tail if key not in self._known]
        with ThreadPoolExecutor(HEADS_AT_ONCE) as pool:
            read = dict(zip(new, pool.map(self._folder.link, new), strict=True))
        self._known = {key: read.get(key) or self._known[key] for key in tail}  # what was compacted is forgotten
        return [*(view.manifest.objects if view.manifest else ()), *self._known.values()]
