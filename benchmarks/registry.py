"""The measures, in the order in which they run; each is one module of `benchmarks.measures`.

A module has a docstring (the method, as the report prints it), TITLE, LIMIT (what limits its figures), SECONDS (how
long it may take, quick and full; None: not part of the quick run) and `measure(quick) -> Findings`. It may have TRIED:
what was tried, and what came of it, which the report prints where a goal is missed.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final, Protocol, cast

from benchmarks.rows import Findings

NAMES: Final = (
    "stats_reads",
    "posts",
    "speed_apply",
    "speed_latency",
    "stack",
    "page",
    "backlog",
    "lake_sink",
    "imports",
    "sizes",
    "films_per_user",
    "accuracy",
    "scale_table",
    "nightly_batch",
    "workers",
)


class Measure(Protocol):
    """A module of `benchmarks.measures`."""

    __doc__: str | None
    TITLE: str
    LIMIT: str
    SECONDS: tuple[float | None, float]

    def measure(self, quick: bool) -> Findings:
        """Measure. May raise anything; whatever was started is ended then, too."""


def load(name: str) -> Measure:
    """Import a measure by name; each imports its own peers."""
    return cast(Measure, import_module(f"benchmarks.measures.{name}"))
