"""The command tree of `cinematch`: the kernel's commands, then whatever the installed layers add."""

from __future__ import annotations

import typer

from cinematch.cli.extensions import ExtensibleGroup

app = typer.Typer(
    cls=ExtensibleGroup,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="CineMatch: film statistics and community trends by a Lambda architecture, on one machine or many.",
)


@app.callback()
def cinematch() -> None:
    """Keeps the group a group, whatever the number of its own commands."""
