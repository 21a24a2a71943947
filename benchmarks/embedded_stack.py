"""An embedded stack of its own for a measurement, by the same commands that people type."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from cinematch.adapters.mongodb_client import SyncDatabase, connect
from cinematch.settings import Settings


@dataclass(frozen=True, slots=True)
class EmbeddedStack:
    """A running stack with its data in `folder`."""

    folder: Path

    def command(self, *arguments: str) -> str:
        """Run a command of `cinematch` on this stack; give its output. Raises CalledProcessError."""
        return _cinematch(self.folder, *arguments)

    def status(self) -> dict[str, Any]:
        """Give `cinematch status --json`."""
        status: dict[str, Any] = json.loads(_cinematch(self.folder, "status", "--json"))
        return status

    def processes_of(self, layer: str) -> list[psutil.Process]:
        """Give the processes of one layer: its own and all that it started."""
        return _with_children(self.status()["layers"][layer]["pid"])

    def processes(self) -> dict[str, list[psutil.Process]]:
        """Give the processes of every server and layer, and of what watches them, by name."""
        status = self.status()
        parts = {
            name: _with_children(part["pid"])
            for name, part in (status["servers"] | status["layers"]).items()
            if part["pid"] is not None
        }
        return parts | {"supervisor": [psutil.Process(status["pid"])]}

    @contextmanager
    def database(self) -> Iterator[SyncDatabase]:
        """Give the stack's MongoDB database."""
        settings = Settings(mongodb_url=self.status()["mongodb"])
        with connect(settings) as client:
            yield client[settings.mongodb_database]


@contextmanager
def embedded_stack(settings: Mapping[str, str] | None = None) -> Iterator[EmbeddedStack]:
    """Start a stack in a temporary folder, with `settings` in its environment; end it and delete the folder."""
    with tempfile.TemporaryDirectory(prefix="cinematch-bench-") as name:
        folder = Path(name)
        try:
            _cinematch(folder, "up", "--detach", settings=settings)
            yield EmbeddedStack(folder)
        finally:
            _cinematch(folder, "down")


def _cinematch(folder: Path, *arguments: str, settings: Mapping[str, str] | None = None) -> str:
    environment = os.environ | {"CINEMATCH_DATA_DIR": str(folder)} | dict(settings or {})
    command = [sys.executable, "-m", "cinematch", *arguments]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def _with_children(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]
