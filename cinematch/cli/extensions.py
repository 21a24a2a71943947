"""Commands that layers add to `cinematch`, found by entry point (group `cinematch.commands`).

An entry names a `typer.Typer`; the entry's name is the command's. It is imported only when the command is used or
when help lists it, so `cinematch status` never pays for pandas or Spark. A layer that cannot be imported takes
away its own commands and no others.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from cinematch.errors import ConfigurationError

GROUP = "cinematch.commands"


def installed_commands() -> dict[str, EntryPoint]:
    """The layers' commands by name; nothing is imported."""
    return {entry.name: entry for entry in sorted(entry_points(group=GROUP))}


def load_app(entry: EntryPoint) -> typer.Typer:
    """The sub-application that `entry` names, or one that only says why it cannot be imported."""
    try:
        app = entry.load()
    except (ImportError, AttributeError) as error:
        return _unavailable(entry.value, str(error))
    if not isinstance(app, typer.Typer):
        return _unavailable(entry.value, f"it is a {type(app).__name__}, not a typer.Typer")
    return app


def _unavailable(target: str, reason: str) -> typer.Typer:
    app = typer.Typer(add_completion=False)

    @app.command(
        help=f"Not available here: {reason}",
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )
    def refuse(context: typer.Context) -> NoReturn:
        raise ConfigurationError(f"the command {context.info_name!r} ({target}) is not available: {reason}")

    return app


class ExtensibleGroup(TyperGroup):
    """A command group whose own commands come first and the layers' commands after them."""

    load: Callable[[EntryPoint], typer.Typer] = staticmethod(load_app)

    def list_commands(self, ctx: Any) -> list[str]:
        own = super().list_commands(ctx)
        return own + [name for name in installed_commands() if name not in own]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        own = super().get_command(ctx, cmd_name)
        if own is not None or cmd_name not in installed_commands():
            return own
        command = typer.main.get_command(self.load(installed_commands()[cmd_name]))
        command.name = cmd_name
        return command
