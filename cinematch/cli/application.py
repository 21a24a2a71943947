"""The command tree of `cinematch`: the kernel's commands, then whatever the installed layers add."""

from __future__ import annotations

import os

import typer

from cinematch.cli import inspection, lifecycle
from cinematch.cli.access import access
from cinematch.cli.advise import advise
from cinematch.cli.api import api
from cinematch.cli.data_dir import DataDir, data_folder
from cinematch.cli.demo import demo
from cinematch.cli.extensions import ExtensibleGroup, installed_commands
from cinematch.cli.token import token
from cinematch.local_stack.control import running_environment
from cinematch.settings import load_settings
from cinematch.telemetry import configure_logging

app = typer.Typer(
    cls=ExtensibleGroup,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="CineMatch: film statistics and community trends by a Lambda architecture, on one machine or many.",
)


@app.callback()
def cinematch(context: typer.Context, data_dir: DataDir = None) -> None:
    """Lead the layers' commands to the servers of the running stack; the caller's own variables come first."""
    if data_dir is not None:
        os.environ["CINEMATCH_DATA_DIR"] = str(data_dir.resolve())
    settings = load_settings()
    configure_logging(settings.log_level, as_json=settings.log_json)  # to standard error: the output is the command's
    if context.invoked_subcommand in installed_commands():
        for variable, value in running_environment(data_folder(None)).items():
            os.environ.setdefault(variable, value)


COMMANDS = (
    demo,
    lifecycle.up,
    lifecycle.down,
    inspection.status,
    inspection.logs,
    inspection.doctor,
    lifecycle.reset,
    lifecycle.setup,
    advise,
    api,
)

for command in COMMANDS:
    app.command()(command)
app.add_typer(access, name="access")
app.add_typer(token, name="token")
app.command(hidden=True)(lifecycle.supervise)
