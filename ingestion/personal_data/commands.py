"""`cinematch user`: erase a user, look at what became of it, and export what is held of one."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Final

import typer

from cinematch.contracts.erasure import Erasure
from cinematch.errors import Conflict, NotFound
from cinematch.settings import load_settings
from ingestion.personal_data.connections import PersonalDataStores, connected
from ingestion.personal_data.report import report

NOT_FINISHED: Final = 3
"""The exit code while something of an erasure waits: nobody finds the user, but not all of it is gone."""
RETRY_SECONDS: Final = 2.0

user = typer.Typer(add_completion=False, no_args_is_help=True, help="One user's data: erase it, export it.")
UserId = Annotated[str, typer.Argument(metavar="ID", help="The user.")]


@user.command()
def erase(
    user_id: UserId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for relay and lake sink.")] = 60.0,
    floor: Annotated[
        int, typer.Option(min=0, help="The last event that there was, where MongoDB was put back and knows less.")
    ] = 0,
) -> None:
    """Erase a user: gone from all answers when this returns, and then from every store.

    Prints the report as JSON. Exit code 3: something waits, usually for the next batch run; the API goes on with it,
    and so does the same command.
    """
    if not yes:
        typer.confirm(f"Erase {user_id!r} for ever?", abort=True)
    with connected(load_settings()) as stores:
        erasure = stores.erasing.begin(user_id, floor)
        if 0 < floor < erasure.floor:
            typer.echo(f"Erased up to event {erasure.floor}, not {floor}: so many films were in the list.", err=True)
        erasure = _go_on(stores, erasure, time.monotonic() + wait)
        _print(stores, erasure)
    if erasure.finished_at is None:
        raise typer.Exit(NOT_FINISHED)


@user.command()
def erasure(user_id: UserId) -> None:
    """Show the report of a user's erasure."""
    with connected(load_settings()) as stores:
        found = stores.tombstones.of(user_id)
        if found is None:
            raise NotFound(f"no user {user_id!r} was erased")
        _print(stores, found)


@user.command()
def export(
    user_id: UserId,
    to: Annotated[Path | None, typer.Option("--to", help="A file; default: standard output.")] = None,
) -> None:
    """Write all that is held of a user as JSON: list, statistics, events, and what else the stores have.

    Its last member says whether it is complete; when a store is away nothing is written.
    """
    with connected(load_settings()) as stores:
        parts = stores.export.of(user_id)
        if to is not None:
            with to.open("wb") as file:
                file.writelines(parts)
            return
        for part in parts:
            sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()


def _go_on(stores: PersonalDataStores, erasure: Erasure, deadline: float) -> Erasure:
    while True:
        erasure = _attempted(stores, erasure)
        waiting = {name for name in stores.steps if not erasure.is_done(name)}
        if not waiting - {"batch_layer"} or time.monotonic() >= deadline:
            return erasure
        time.sleep(RETRY_SECONDS)


def _attempted(stores: PersonalDataStores, erasure: Erasure) -> Erasure:
    """Go on with it; while another process (the API) goes on with erasures, give how far it is."""
    try:
        return stores.erasing.go_on(erasure)
    except Conflict:
        return stores.tombstones.of(erasure.user_id or "") or erasure


def _print(stores: PersonalDataStores, erasure: Erasure) -> None:
    typer.echo(report(erasure, stores.steps).model_dump_json(indent=2))
