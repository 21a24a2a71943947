"""What every command of `cinematch` may rely on."""

from __future__ import annotations

import json
import subprocess
import sys

LAYER = """
import typer
from cinematch.cli.application import app
from cinematch.telemetry import get_logger


@app.command()
def warn() -> None:
    get_logger("layer").warning("a broker was slow")
    typer.echo("[1]")

app(["warn"])
"""


def test_what_a_command_logs_is_not_in_its_output() -> None:
    ended = subprocess.run([sys.executable, "-c", LAYER], capture_output=True, text=True, timeout=120, check=True)
    assert json.loads(ended.stdout) == [1]
    assert "a broker was slow" in ended.stderr
