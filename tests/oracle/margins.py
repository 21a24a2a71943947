"""Rankings so short that the lists of a schedule eat their margins, and the whole list is needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cinematch.domain import statistics, summary

MARGINS = {"KEEP_FILMS": 6, "KEEP_DIRECTORS": 5, "KEEP_ACTORS": 5, "PLACES": 3}


@contextmanager
def small_margins() -> Iterator[None]:
    """Shorten the rankings of the domain inside the block."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in MARGINS.items():
            patch.setattr(summary, name, value)
        patch.setattr(statistics, "PLACES", MARGINS["PLACES"])
        yield
