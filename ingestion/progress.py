"""Progress of long work: stages, each with a total that is counted up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

Advance = Callable[[int], None]


class Stages(Protocol):
    """Shows stages of work, one after another."""

    def stage(self, title: str, total: int) -> AbstractContextManager[Advance]:
        """Begin a stage; call what the context gives with each amount that is done."""


class ProgressBars:
    """Stages as bars on a terminal; where there is none, a line for each finished stage."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def stage(self, title: str, total: int) -> Iterator[Advance]:
        """Show a bar for the time of the block."""
        bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
        )
        with bars:
            task = bars.add_task(title, total=total)
            yield lambda amount: bars.advance(task, amount)
