"""How a stack looks on a terminal: lines while it comes up, then its addresses and a table of its parts."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from cinematch.local_stack.data_folder import DataFolder
from cinematch.local_stack.stack_status import ServiceStatus, StackStatus

COLOURS = {"running": "green", "failed": "red", "stopped": "dim"}
LABELS = {
    "api": "API",
    "dashboard": "Dashboard",
    "docs": "API docs",
    "kafka": "Kafka",
    "mongodb": "MongoDB",
    "redis": "Redis",
    "s3": "S3 (MinIO)",
    "minio_console": "MinIO console",
}


class StartReport:
    """Prints each part when it becomes ready or fails, and each note once."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: dict[str, str] = {}
        self._notes: set[str] = set()

    def __call__(self, status: StackStatus) -> None:
        """Print what is new in `status`."""
        for note in status.notes:
            if note not in self._notes:
                self._notes.add(note)
                self._console.print(f"[yellow]![/] {note}")
        for name, service in status.services().items():
            if self._shown.get(name, "stopped") != service.state:
                self._shown[name] = service.state
                self._console.print(_line(name, service))


def print_addresses(console: Console, folder: DataFolder, status: StackStatus) -> None:
    """Where everything answers."""
    table = Table.grid(padding=(0, 2))
    for key, label in LABELS.items():
        if key in status.addresses:
            table.add_row(label, f"[cyan]{status.addresses[key]}[/]")
    for layer, url in status.spark_ui.items():
        table.add_row(f"Spark UI of {layer}", f"[cyan]{url}[/]")
    table.add_row("Data", str(folder.path))
    table.add_row("MinIO's credentials", str(folder.credentials_file))
    console.print(table)


def print_status(console: Console, status: StackStatus) -> None:
    """The parts of the stack and how they are."""
    console.print(f"The stack is [bold]{status.phase}[/].")
    if status.failure:
        console.print(status.failure, markup=False)
    table = Table("part", "state", "pid", "restarts", "last error", box=None)
    for name, service in status.services().items():
        state = f"[{COLOURS[service.state]}]{service.state}[/] {service.detail}".strip()
        error = service.last_error.splitlines()[-1] if service.last_error else ""
        table.add_row(name, state, str(service.pid or ""), str(service.restarts), error)
    if table.rows:
        console.print(table)


def _line(name: str, service: ServiceStatus) -> str:
    if service.state == "running":
        return f"[green]✓[/] {name}"
    reason = service.last_error.splitlines()[0] if service.last_error else service.detail
    return f"[{COLOURS[service.state]}]✗[/] {name}: {reason}"
