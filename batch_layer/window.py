"""Which objects of the lake a batch run has to read: the days of its window, and whatever no earlier run has seen.

Time alone would not do: the batch, the sink or the relay may have been down for longer than the window, and an event
may have had to wait for the one before it. So each generation remembers, for every partition, the first Kafka offset
that it may not contain (`resume_offsets`), and the next one reads from there, however old that is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import zip_longest

from cinematch.contracts.lake_manifest import LakeView
from cinematch.contracts.log_record import LogPartition


@dataclass(frozen=True, slots=True)
class Window:
    """The keys to read, and per "topic/partition" the first offset of what a later run has not been shown yet.

    That offset may lie before objects that were read: the last object of a partition is always read again.
    """

    keys: tuple[str, ...]
    next_offsets: Mapping[str, int]

    def resume_offsets(self, pending: Mapping[int, int]) -> dict[str, int]:
        """Give the first offset that may not be contained; `pending`: partition -> first event that had to wait."""
        return {
            place: min(offset, pending.get(int(place.rpartition("/")[2]), offset))
            for place, offset in self.next_offsets.items()
        }


@dataclass(frozen=True, slots=True)
class _Stretch:
    """One object and the offsets that it may hold; `next_offset` is None where only the object itself would tell."""

    key: str
    place: LogPartition
    day: date
    first_offset: int
    next_offset: int | None


def window(view: LakeView, first_day: date | None, resume_offsets: Mapping[str, int]) -> Window:
    """Choose from the lake's current objects; `first_day` None: all of them. A partition that is new is read whole."""
    stretches = [*_compacted(view), *_tail(view)]
    keys = [
        stretch.key
        for stretch in stretches
        if first_day is None or stretch.day >= first_day or _is_unread(stretch, resume_offsets.get(str(stretch.place)))
    ]
    return Window(tuple(keys), dict(resume_offsets) | _next_offsets(stretches))


def _is_unread(stretch: _Stretch, resume_offset: int | None) -> bool:
    return resume_offset is None or stretch.next_offset is None or stretch.next_offset > resume_offset


def _next_offsets(stretches: Iterable[_Stretch]) -> dict[str, int]:
    reached: dict[str, int] = {}
    for stretch in stretches:
        end = stretch.first_offset if stretch.next_offset is None else stretch.next_offset
        reached[str(stretch.place)] = max(end, reached.get(str(stretch.place), 0))
    return reached


def _compacted(view: LakeView) -> Iterator[_Stretch]:
    for link in view.manifest.objects if view.manifest else ():
        yield _Stretch(link.key, link.place, link.day, link.first_offset, link.next_offset)


def _tail(view: LakeView) -> Iterator[_Stretch]:
    """A sink's object ends where the next one of its partition begins."""
    names = [it.name for it in view.tail]
    for one, following in zip_longest(names, names[1:]):
        is_followed = following is not None and following.place == one.place
        yield _Stretch(one.key, one.place, one.day, one.first_offset, following.first_offset if is_followed else None)
