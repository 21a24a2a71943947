"""One folder of the lake (the events', the dead letters'): its chain of objects, as a writer and a reader see it."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

from cinematch.adapters.s3_objects import S3Objects
from cinematch.contracts.lake_manifest import (
    LakeObject,
    LakeView,
    Manifest,
    current_view,
    decode_manifest,
    encode_manifest,
    from_metadata,
    to_metadata,
)
from cinematch.contracts.lake_paths import manifest_key, manifest_number, manifests_prefix
from cinematch.contracts.log_record import LogPartition
from cinematch.errors import CineMatchError, Conflict, NotFound

HEADS_AT_ONCE: Final = 8


class ForeignObject(CineMatchError):
    """An object that has the name of a link of a chain, and is none."""


class LakeFolder:
    """A folder of the lake in a bucket. Raises StoreUnavailable; safe for any number of writers and readers."""

    def __init__(self, objects: S3Objects, name: str) -> None:
        self.objects = objects
        self.name = name
        self._newest: Manifest | None = None

    def sizes(self) -> dict[str, int]:
        """Give key -> bytes of everything below `dt=.../`, superseded objects and leftovers included."""
        return self.objects.sizes(f"{self.name}/dt=")

    def view(self) -> LakeView:
        """Give the exact current set of objects: see `current_view` for the order of the three steps."""
        before = self.sizes()
        now = self.sizes()
        return current_view(self.newest_manifest(), before, now)

    def links(self, view: LakeView) -> list[LakeObject]:
        """Give every object of a view with its account, by partition and offset: one request an object of the tail."""
        with ThreadPoolExecutor(HEADS_AT_ONCE) as pool:
            tail = list(pool.map(self.link, (it.name.key for it in view.tail)))
        known = list(view.manifest.objects) if view.manifest else []
        return sorted(known + tail, key=lambda link: (link.place, link.first_offset, link.key))

    def link(self, key: str) -> LakeObject:
        """Read one object's account of itself. Raises NotFound, and ForeignObject for one that gives none."""
        head = self.objects.head(key)
        try:
            return from_metadata(key, head.size_bytes, head.metadata)
        except ValueError as error:
            raise ForeignObject(f"{error}: no sink has written it, so it must be removed from the lake") from None

    def last_links(self) -> dict[LogPartition, LakeObject]:
        """Give the last link of every partition's chain: how far the lake reaches."""
        view = self.view()
        last: dict[LogPartition, LakeObject] = {}
        for known in view.manifest.objects if view.manifest else ():
            if known.place not in last or known.next_offset > last[known.place].next_offset:
                last[known.place] = known
        for place, key in {it.name.place: it.name.key for it in view.tail}.items():  # ascending: the last one stays
            last[place] = self.link(key)
        return last

    def append(self, link: LakeObject, body: bytes) -> None:
        """Put the next link at the end of its partition's chain, or raise Conflict: another writer was first.

        1. The conditional PUT: of all writers that start at this offset, one gets through.
        2. A name can be free because the object was compacted and deleted while this writer was asleep. So the newest
           manifest is read after the PUT: what lies below its boundary is history, and not read by anybody.
        """
        self.objects.put_new(link.key, body, to_metadata(link))
        manifest = self.newest_manifest()
        if manifest is not None and manifest.boundary(link.place) > link.first_offset:
            raise Conflict(f"{link.place}: offset {link.first_offset} was compacted long ago")

    def newest_manifest(self) -> Manifest | None:
        """Read the manifest that counts; None while there was no compaction yet. One that was read never changes."""
        while keys := self._manifest_keys():
            if self._newest and manifest_number(keys[-1]) == self._newest.number:
                return self._newest
            with suppress(NotFound):  # removed since the listing, so there is a newer one
                self._newest = decode_manifest(self.objects.get(keys[-1]))
        return None

    def publish(self, manifest: Manifest) -> None:
        """Make `manifest` the newest. Raises Conflict when another compaction has published since.

        StoreUnavailable leaves open whether it was published: whoever reads the newest manifest sees.
        """
        key, body = manifest_key(self.name, manifest.number), encode_manifest(manifest)
        try:
            self.objects.put_new(key, body)
        except Conflict:
            if self.objects.get(key) != body:  # equal: it is ours, and the driver sent it twice
                raise
        newest = self._manifest_keys()[-1]  # an old number can be free again once old manifests are removed
        if newest != key:
            raise Conflict(f"another compaction has published {newest}")

    def remove(self, keys: Iterable[str]) -> None:
        """Delete objects of this folder."""
        self.objects.delete(keys)

    def remove_manifests_before(self, number: int) -> None:
        """Delete the manifests older than `number`, which must not be the newest."""
        self.objects.delete(key for key in self._manifest_keys() if (manifest_number(key) or 0) < number)

    def _manifest_keys(self) -> list[str]:
        return [key for key in self.objects.sizes(manifests_prefix(self.name)) if manifest_number(key) is not None]
