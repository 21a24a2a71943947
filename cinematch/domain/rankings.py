"""Rankings that stay exact although only their best rows are kept.

A `Ranking` keeps the best rows of a total order (smallest key first). `complete` says that no row is missing; else
every row that was not kept has a key greater than the last kept one. Both facts survive every operation here, so the
first rows of a ranking can be trusted, or the ranking says that they cannot (`trusts`).
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Row = TypeVar("Row", bound=tuple[Any, ...])
"""A named tuple; its first field names it, and no two rows of a ranking have one name."""
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Ranking(Generic[Row]):
    """The best rows, best first, and whether these are all rows."""

    rows: tuple[Row, ...] = ()
    complete: bool = True

    @classmethod
    def of(cls, rows: Iterable[Row], key: Callable[[Row], Key], keep: int) -> Ranking[Row]:
        """Keep the best `keep` of all rows; keys are distinct."""
        ordered = sorted(rows, key=key)
        return cls(tuple(ordered[:keep]), len(ordered) <= keep)

    def replaced(
        self,
        key: Callable[[Row], Key],
        removed: Container[str],
        added: Iterable[Row],
        unknown_from: Key | None = None,
    ) -> Ranking[Row]:
        """Take out the rows of these names, put rows in, and keep what is still certain.

        Of an incomplete ranking, a row beyond the last kept key is dropped, for rows that were never kept may lie
        before it. `unknown_from` is the least key that a row which this ranking does not know may have by now: what
        lies behind it is not certain either.
        """
        limits = [] if self.complete else [key(row) for row in self.rows[-1:]]
        if unknown_from is not None:
            limits.append(unknown_from)
        ordered = [row for row in self.rows if row[0] not in removed]
        for row in added:  # few beside the many that are in order already
            insort(ordered, row, key=key)
        if self.complete and not limits:
            return Ranking(tuple(ordered), True)
        certain = bisect_right(ordered, min(limits, default=()), key=key)
        return Ranking(tuple(ordered[:certain]), False)

    def trusts(self, places: int, is_eligible: Callable[[Row], bool] = lambda row: True) -> bool:
        """Say whether the first `places` eligible rows are certain (ineligible rows sort behind eligible ones)."""
        if self.complete or len(self.rows) >= places:
            return True
        return bool(self.rows) and not is_eligible(self.rows[-1])
