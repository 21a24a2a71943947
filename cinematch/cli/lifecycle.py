"""The commands that start, stop and wipe the embedded stack."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Annotated, Final

import typer
from rich.console import Console

from cinematch.cli.data_dir import DataDir, data_folder
from cinematch.cli.stack_report import StartReport, print_addresses
from cinematch.errors import ConfigurationError
from cinematch.local_stack import control
from cinematch.local_stack.data_folder import DataFolder
from cinematch.local_stack.stack import build_stack
from cinematch.local_stack.stack_status import StackStatus, current_status
from cinematch.local_stack.supervisor import Supervisor
from cinematch.local_stack.toolchain import Toolchain
from cinematch.settings import load_settings

STOPPING_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
POLL_SECONDS: Final = 0.2


def setup() -> None:
    """Fetch the jars, find the servers and build MinIO, once per machine; start nothing."""
    Toolchain(load_settings().cinematch_cache_dir).install(Console())


def up(
    data_dir: DataDir = None,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return when everything is ready.")] = False,
) -> None:
    """Start every server and layer; without --detach, stay until Ctrl-C and stop them then."""
    folder, console = data_folder(data_dir), Console()
    if folder.is_held:
        console.print(f"A stack runs in {folder.path} already.")
        print_addresses(console, folder, current_status(folder))
        return
    if detach:
        with stop_requested() as stopping:
            print_addresses(console, folder, bring_up(folder, console, stopping, detached=True)[0])
        return
    with foreground(folder, console) as (status, stay):
        print_addresses(console, folder, status)
        console.print("Ctrl-C stops everything.")
        stay()


def down(data_dir: DataDir = None) -> None:
    """Stop every layer and server."""
    folder, console = data_folder(data_dir), Console()
    with console.status("Stopping ..."):
        ended = control.end(folder)
    console.print("Stopped." if ended else f"No stack runs in {folder.path}.")


def reset(
    data_dir: DataDir = None,
    yes: Annotated[bool, typer.Option("--yes", help="Really delete all data.")] = False,
) -> None:
    """Delete all data of a stopped stack; what was fetched and built stays."""
    folder = data_folder(data_dir)
    if not yes:
        raise ConfigurationError(f"this deletes everything that the stack keeps in {folder.path}: say so with --yes")
    folder.wipe()
    Console().print(f"The data in {folder.path} is deleted.")


def supervise(data_dir: DataDir = None) -> None:
    """Run the stack without a word on the terminal, until SIGTERM; what `up` starts."""
    folder, settings = data_folder(data_dir), load_settings()
    toolchain = Toolchain(settings.cinematch_cache_dir)
    with stop_requested() as stopping:
        supervisor = Supervisor(folder, lambda: build_stack(toolchain, folder, settings), stopping)
        if not supervisor.run():
            raise typer.Exit(1)


@contextmanager
def foreground(folder: DataFolder, console: Console) -> Iterator[tuple[StackStatus, Callable[[], None]]]:
    """A stack that lives as long as the block; gives its status and a function that waits for Ctrl-C.

    The function raises StackFailed when the stack's supervisor ends by itself.
    """
    with stop_requested() as stopping:
        try:
            status, exit_code = bring_up(folder, console, stopping, detached=False)

            def stay() -> None:
                while not stopping.wait(POLL_SECONDS):
                    if exit_code() is not None:
                        raise control.failure(folder)

            yield status, stay
        finally:
            with console.status("Stopping ..."):
                control.end(folder)


def bring_up(
    folder: DataFolder, console: Console, stopping: Event, *, detached: bool
) -> tuple[StackStatus, Callable[[], int | None]]:
    """Install what is missing, launch the stack and wait for it, showing progress. Raises StackFailed."""
    toolchain = Toolchain(load_settings().cinematch_cache_dir)
    if not toolchain.installed:
        toolchain.install(console)
    began = time.monotonic()
    exit_code = control.launch(folder, detached=detached)
    with console.status("Starting servers and layers ..."):
        status = control.await_running(folder, exit_code, StartReport(console), stopping)
    console.print(f"Everything is ready after {time.monotonic() - began:.0f} s.")
    return status, exit_code


@contextmanager
def stop_requested() -> Iterator[Event]:
    """An event that Ctrl-C, SIGTERM and a closed terminal set, instead of ending this process."""
    stopping = Event()
    before = {number: signal.signal(number, lambda *_: stopping.set()) for number in STOPPING_SIGNALS}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
