"""What schedules did and saw, in figures: gathered by the oracle tests, printed at the end of the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

Figures = dict[str, Counter[str]]
"""Title of an oracle test -> what it counted."""
FIGURES: pytest.StashKey[Figures] = pytest.StashKey()


def lines(figures: Figures) -> Iterator[str]:
    """Write each test's figures as lines of `name: count`, by name."""
    for title, tally in figures.items():
        yield f"{title}:"
        yield from (f"  {name}: {count}" for name, count in sorted(tally.items()) if count)
