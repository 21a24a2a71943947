"""How long clients were without an answer, and by which fault."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

NOTICED_SECONDS: Final = 0.5
"""Shorter ones are what a busy machine takes anyway."""
BLAMED_SECONDS: Final = 60.0
"""A fault is not blamed for what begins so long after it."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Nobody answered `what` (reads, writes) from `began` on, for so many seconds; monotonic clock."""

    what: str
    began: float
    seconds: float


@dataclass
class Outages:
    """The longest gap of reads and writes by fault: the one whose beginning is nearest to that of the gap.

    Clients ask several times a second, so a gap begins with what caused it; what came later in it only found it there.
    """

    longest: dict[str, dict[str, float]] = field(default_factory=dict)

    def add(self, gaps: Iterable[Gap], faults: Iterable[tuple[float, str]]) -> None:
        """Take gaps into account, and when which fault began."""
        begun = sorted(faults)
        for gap in gaps:
            near = [
                (abs(at - gap.began), name)
                for at, name in begun
                if gap.began - BLAMED_SECONDS < at < gap.began + gap.seconds
            ]
            by_kind = self.longest.setdefault(min(near)[1] if near else "no fault", {})
            by_kind[gap.what] = max(by_kind.get(gap.what, 0.0), round(gap.seconds, 1))
