"""The commands that look at the embedded stack: status, logs, doctor."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Final

import orjson
import typer
from rich.console import Console
from rich.table import Table

from cinematch.cli.batch_report import print_batch, running_batch
from cinematch.cli.data_dir import DataDir, data_folder
from cinematch.cli.stack_report import print_addresses, print_status
from cinematch.errors import NotFound
from cinematch.local_stack.doctor import Verdict, examine, measure
from cinematch.local_stack.stack_status import current_status
from cinematch.local_stack.toolchain import Toolchain
from cinematch.settings import load_settings

FOLLOW_SECONDS: Final = 0.3
MARKS: Final = {Verdict.GOOD: "[green]✓[/]", Verdict.WARNING: "[yellow]![/]", Verdict.BAD: "[red]✗[/]"}


def status(
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document, for programs.")] = False,
) -> None:
    """Tell what runs, where it answers, and what had to be started again."""
    folder = data_folder(data_dir)
    current = current_status(folder)
    batch = running_batch(folder)
    if as_json:
        document = current.as_json() | {"batch": batch and batch.as_document(), "data_dir": str(folder.path)}
        typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))
        return
    console = Console()
    print_status(console, current)
    if current.phase == "running":
        print_batch(console, batch)
    if current.addresses:
        print_addresses(console, folder, current)


def logs(
    name: Annotated[str, typer.Argument(help="A server or layer, as `cinematch status` names it, or `supervisor`.")],
    data_dir: DataDir = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as it grows, until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many lines to begin with.")] = 100,
) -> None:
    """Print the last lines of a part's output."""
    folder = data_folder(data_dir)
    if name not in folder.log_names():
        known = ", ".join(folder.log_names()) or "none yet"
        raise NotFound(f"there is no log of {name!r}; there are: {known}")
    log = folder.log(name)
    position = log.path.stat().st_size
    for line in log.last_lines(lines):
        typer.echo(line)
    if follow:
        _follow(log.path, position)


def doctor(data_dir: DataDir = None) -> None:
    """Check Python, Java, memory, disk and ports, and say what to do; fails when something is missing."""
    findings = examine(measure(Toolchain(load_settings().cinematch_cache_dir), data_folder(data_dir)))
    table = Table.grid(padding=(0, 2))
    for finding in findings:
        table.add_row(MARKS[finding.verdict], finding.subject, finding.found, finding.advice)
    Console().print(table)
    if any(finding.verdict is Verdict.BAD for finding in findings):
        raise typer.Exit(1)


def _follow(path: Path, position: int) -> None:
    while True:
        size = path.stat().st_size
        if size < position:  # the file was trimmed
            position = 0
        if size > position:
            with path.open("rb") as file:
                file.seek(position)
                grown = file.read()
            position += len(grown)
            typer.echo(grown.decode("utf-8", "replace"), nl=False)
        time.sleep(FOLLOW_SECONDS)
