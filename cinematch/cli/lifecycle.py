"""The commands that start, stop and wipe the embedded stack."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from types import FrameType
from typing import Annotated, Final

import typer
from rich.console import Console

from cinematch.cli.data_dir import DataDir, data_folder
from cinematch.cli.stack_report import StartReport, print_addresses
from cinematch.errors import ConfigurationError
from cinematch.local_stack import control
from cinematch.local_stack.data_folder import DataFolder
from cinematch.local_stack.stack import build_stack
from cinematch.local_stack.stack_status import StackStatus
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
    """Start every server and layer; without --detach, stay until Ctrl-C and stop them then.

    Where a stack runs already, only wait until every part of it is ready, and fail when one is not.
    """
    folder, console = data_folder(data_dir), Console()
    if folder.is_held:
        console.print(f"A stack runs in {folder.path} already.")
        print_addresses(console, folder, control.await_ready(folder, StartReport(console)))
        return
    if detach:
        with launched(folder, console, detached=True) as (_, status):
            print_addresses(console, folder, status)
        return
    with launched(folder, console, detached=False) as (stack, status):
        print_addresses(console, folder, status)
        stay(console, stack)


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
    stopping = Event()
    with signals_handled(lambda *_: stopping.set(), *STOPPING_SIGNALS):
        supervisor = Supervisor(folder, lambda: build_stack(toolchain, folder, settings), stopping)
        if not supervisor.run():
            raise typer.Exit(1)


@contextmanager
def launched(
    folder: DataFolder, console: Console, *, detached: bool
) -> Iterator[tuple[control.LaunchedStack, StackStatus]]:
    """Install what is missing, start the stack and wait for it, showing progress. Raises StackFailed.

    It lives as long as the block; a detached one lives on, unless the block is interrupted. SIGTERM and a closed
    terminal interrupt like Ctrl-C.
    """
    toolchain = Toolchain(load_settings().cinematch_cache_dir)
    with signals_handled(interrupt, signal.SIGTERM, signal.SIGHUP):
        if not toolchain.installed:
            toolchain.install(console)
        began = time.monotonic()
        stack = control.LaunchedStack(folder, detached=detached)
        finished = False
        try:
            with console.status("Starting servers and layers ..."):
                status = stack.await_running(StartReport(console))
            console.print(f"Everything is ready after {time.monotonic() - began:.0f} s.")
            yield stack, status
            finished = True
        finally:
            if not (detached and finished):
                with signals_handled(signal.SIG_IGN, *STOPPING_SIGNALS), console.status("Stopping ..."):
                    stack.end()


def stay(console: Console, stack: control.LaunchedStack) -> None:
    """Return at Ctrl-C, or when another command stops the stack. Raises StackFailed when it ends by itself."""
    console.print("Ctrl-C stops everything.")
    with contextlib.suppress(KeyboardInterrupt):
        while stack.runs:
            time.sleep(POLL_SECONDS)
        failure = stack.failure()
        if failure is not None:
            raise failure
        console.print("The stack was stopped by another command.")


def interrupt(number: int, frame: FrameType | None) -> None:
    """Treat another signal as Ctrl-C."""
    raise KeyboardInterrupt


@contextmanager
def signals_handled(
    handler: Callable[[int, FrameType | None], object] | signal.Handlers, *numbers: signal.Signals
) -> Iterator[None]:
    """Handle these signals this way inside the block."""
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
