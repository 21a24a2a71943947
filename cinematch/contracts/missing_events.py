"""Events that a store lacks although it has later ones of the same user, and who can bring them again.

Sequences have no gaps, so what lacks is known exactly. An event can be lost after it was marked as published: a broker
alone in its cluster lost power before it synced, or the record was damaged in the log. Then the outbox still has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol


class Gap(NamedTuple):
    """The sequences from `first` to `last`."""

    first: int
    last: int


def gaps(reached: int, known: Iterable[int]) -> Iterator[Gap]:
    """Give the gaps between `reached` and the highest of the sequences that are known, lowest first."""
    for sequence in sorted(set(known)):
        if sequence > reached + 1:
            yield Gap(reached + 1, sequence - 1)
        reached = max(reached, sequence)


class PublishedEvents(Protocol):
    """The outbox, as whoever lacks events sees it."""

    def publish_again(self, missing: Mapping[str, Sequence[Gap]]) -> int:
        """Have the relay send again what it has sent of these users' gaps; give how many events. May be repeated.

        Raises StoreUnavailable.
        """
