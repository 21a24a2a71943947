"""Streams cut into groups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")


def batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Give the items in lists of `size`, the last one maybe shorter; at most one list is held."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
