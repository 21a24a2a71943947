"""How the commands of the lake show what they found: tables and progress for people, documents for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, Final

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from data_lake.dead_letters import RejectedRecord
from data_lake.inspection import FolderReport

PIPE_COLUMNS: Final = 220
"""Width of a table that goes into a file or another program: wide enough to keep an object's key in one line."""


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """Show on standard error how many of how many are done; nothing where that is no terminal."""
    console = Console(stderr=True)
    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def print_reports(reports: Iterable[FolderReport]) -> None:
    """Print one line a partition."""
    columns = ("folder", "partition", "objects", "offsets", "rows", "rejected", "lost", "holes", "sound")
    rows = [
        (
            report.folder,
            it.place,
            it.objects,
            it.next_offset,
            it.rows,
            it.rejected,
            it.lost,
            it.holes,
            "no" if it.faults or it.losses else "yes",
        )
        for report in reports
        for it in report.partitions
    ]
    print_table(columns, rows)


def as_document(report: FolderReport) -> dict[str, Any]:
    """Give a report as plain values."""
    partitions = [asdict(it) | {"place": str(it.place)} for it in report.partitions]
    total = sum(it.rows for it in report.partitions)
    return {"folder": report.folder, "rows": total, "superseded": report.superseded, "partitions": partitions}


def record_document(record: RejectedRecord) -> dict[str, Any]:
    """Give a rejected record as plain values; bytes that are no text become \\ufffd."""
    letter = record.letter
    return {
        "id": letter.identity,
        "reason": letter.reason,
        "layers": record.layers,
        "rejected_at": letter.rejected_at,
        "key": _text(letter.key),
        "value": _text(letter.value),
        "redriven_at": record.redriven_at,
        "redriven_as": record.redriven_as,
    }


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode("utf-8", errors="replace")


def print_json(document: Any) -> None:
    """Print a document."""
    typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode())


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; numbers with thousands separated."""
    table = Table(*columns)
    for row in rows:
        table.add_row(*(Text(f"{cell:,}" if isinstance(cell, int) else str(cell)) for cell in row))
    console = Console()
    (console if console.is_terminal else Console(width=PIPE_COLUMNS)).print(table)
