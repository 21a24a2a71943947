"""Whether a command line that a file mentions exists: our command tree, our modules, our settings."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import typer
import typer.main
from typer.core import TyperGroup, TyperOption

from cinematch.cli.application import app
from cinematch.cli.store_passwords import LayerPasswords
from cinematch.readiness import READY_FILE_VARIABLE
from cinematch.settings import Settings

KNOWN_VARIABLES = {name.upper() for kind in (Settings, LayerPasswords) for name in kind.model_fields} | {
    READY_FILE_VARIABLE
}
"""What our processes read of their environment."""
SPARK_VARIABLES = {"PYSPARK_SUBMIT_ARGS", "PYSPARK_PYTHON", "SPARK_CONF_DIR"}
"""What PySpark reads beside it."""


def check_command(words: Sequence[str]) -> None:
    """Fail unless `cinematch ...` or `python -m ...` would be understood, up to its options' values."""
    if words[0] == "cinematch":
        _check_cinematch(list(words[1:]))
    else:
        assert list(words[:2]) == ["python", "-m"], f"neither a command nor a module of ours: {words}"
        assert _runs(words[2]), f"there is no module to run: {words}"


def _runs(module: str) -> bool:
    found = find_spec(module)
    if found is not None and found.submodule_search_locations is not None:
        found = find_spec(f"{module}.__main__")
    return found is not None


def _check_cinematch(words: list[str]) -> None:
    command: Any = typer.main.get_command(app)
    while isinstance(command, TyperGroup):
        words = _after_options(command, words)
        if not words:
            return
        inner = command.get_command(typer.Context(command), words[0])
        assert inner is not None, f"{command.name}: there is no command {words[0]!r}"
        command, words = inner, words[1:]
    _after_options(command, [word for word in words if word.startswith("-")])


def _after_options(command: Any, words: list[str]) -> list[str]:
    """Drop leading options, which must be known, and their values."""
    options = {name: option for option in command.params for name in option.opts}
    while words and words[0].startswith("-"):
        name, _, value = words[0].partition("=")
        if name == "--help":
            return []
        assert name in options, f"{command.name}: there is no option {name!r}"
        option = options[name]
        takes_value = isinstance(option, TyperOption) and not option.is_flag and not value
        words = words[2:] if takes_value and not _all_options(words) else words[1:]
    return words


def _all_options(words: list[str]) -> bool:
    return all(word.startswith("-") for word in words)
