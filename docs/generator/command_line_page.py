"""The page of all commands, from the command tree itself."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from inspect import cleandoc
from typing import Any, Final

import typer.main
from typer.core import TyperGroup, TyperOption

from cinematch.cli.application import app

PROGRAM: Final = "cinematch"
HEADER: Final = """\
# The command line

`.venv/bin/cinematch` (or `python -m cinematch`) talks to the stack that runs in the data folder, or to whatever the
[settings](settings.md) in its environment name. `--data-dir` before any command, or `CINEMATCH_DATA_DIR`, chooses
another data folder. Our own errors end a command with one sentence and exit code 1.

<!-- Made by `make reference` from the command tree. -->
"""


def command_line_page() -> str:
    """Write the page."""
    return "\n".join([HEADER, *(_section(path, command) for path, command in commands())])


def commands() -> Iterator[tuple[str, Any]]:
    """Give every command that is not hidden, with the words that call it."""
    yield from _below(PROGRAM, typer.main.get_command(app))


def _below(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(command, TyperGroup):
        yield path, command
        return
    context = typer.Context(command)
    for name in command.list_commands(context):
        inner: Any = command.get_command(context, name)
        if not inner.hidden:
            yield from _below(f"{path} {name}", inner)


def _section(path: str, command: Any) -> str:
    rows = [_row(parameter) for parameter in command.params if parameter.name != "help"]
    table = "\n| argument or option | meaning |\n|---|---|\n" + "\n".join(rows) + "\n" if rows else ""
    return f"## `{path}`\n\n{cleandoc(command.help or '')}\n{table}"


def _row(parameter: Any) -> str:
    if not isinstance(parameter, TyperOption):
        name = parameter.metavar or parameter.name.upper()
        shown = name if parameter.required else f"[{name}]"
        return f"| `{shown}` | {_text(parameter.help)} |"
    names = ", ".join(f"`{name}`" for name in parameter.opts)
    return f"| {names}{_value(parameter)} | {_text(parameter.help)}{_note(parameter)} |"


def _value(option: TyperOption) -> str:
    if option.is_flag:
        return ""
    kind = option.type_descriptor.annotation
    choices = " or ".join(kind) if isinstance(kind, type) and issubclass(kind, StrEnum) else None
    return f" `{choices or option.metavar or str(option.name).upper()}`"


def _note(option: TyperOption) -> str:
    if option.required:
        return " Must be given."
    shown = option.default is not None and not option.is_flag and not callable(option.default)
    default = option.show_default if isinstance(option.show_default, str) else option.default
    return f" Default: `{default}`." if shown else ""


def _text(help_text: str | None) -> str:
    return (help_text or "").replace("|", "\\|").replace("\n", " ")
