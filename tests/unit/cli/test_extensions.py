"""Layers add commands; a layer that is not there takes away its own and no others."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest
import typer
from typer.testing import CliRunner

from cinematch.cli import extensions
from cinematch.cli.extensions import ExtensibleGroup, load_app
from cinematch.errors import ConfigurationError

GREETING = typer.Typer()


@GREETING.command()
def greet(name: str) -> None:
    """Say hello."""
    typer.echo(f"hello {name}")


ENTRIES = {
    "greet": EntryPoint("greet", f"{__name__}:GREETING", extensions.GROUP),
    "broken": EntryPoint("broken", "no_such_layer.commands:app", extensions.GROUP),
    "own": EntryPoint("own", f"{__name__}:GREETING", extensions.GROUP),
}


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    monkeypatch.setattr(extensions, "installed_commands", lambda: ENTRIES)
    loaded = {"greet": GREETING, "own": GREETING}
    monkeypatch.setattr(ExtensibleGroup, "load", staticmethod(lambda entry: loaded.get(entry.name) or load_app(entry)))
    application = typer.Typer(cls=ExtensibleGroup)

    @application.command()
    def own() -> None:
        """The kernel's own."""
        typer.echo("the kernel's own")

    @application.callback()
    def root() -> None: ...

    return application


def test_a_layers_command_runs(app: typer.Typer) -> None:
    assert CliRunner().invoke(app, ["greet", "you"]).output == "hello you\n"


def test_own_commands_are_not_replaced_by_a_layers(app: typer.Typer) -> None:
    assert CliRunner().invoke(app, ["own"]).output == "the kernel's own\n"


def test_help_lists_a_broken_layers_command_with_the_reason(app: typer.Typer) -> None:
    shown = CliRunner().invoke(app, ["--help"])
    assert shown.exit_code == 0
    assert "no_such_layer" in shown.output
    assert "Say hello" in shown.output


def test_a_broken_layers_command_fails_with_the_reason(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["broken", "--any", "option"])
    assert isinstance(result.exception, ConfigurationError)
    assert "No module named 'no_such_layer'" in str(result.exception)


def test_an_entry_that_is_no_application_is_refused() -> None:
    entry = EntryPoint("odd", "json:dumps", extensions.GROUP)
    result = CliRunner().invoke(load_app(entry), [])
    assert "not a typer.Typer" in str(result.exception)


def test_no_command_is_unknown_to_the_installation() -> None:
    assert {"batch", "dlq", "import", "lake", "seed", "speed"} <= set(extensions.installed_commands())
