"""Second copies of layers beside those of the stack, some of them with a wrong clock."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from cinematch.local_stack.control import running_environment
from cinematch.local_stack.data_folder import DataFolder
from cinematch.local_stack.layers import LAYERS, LayerProcess, LayerSpec
from cinematch.local_stack.log_file import LogFile
from cinematch.local_stack.ports import LOOPBACK, free_port

CLOCK_SHIFTS: Final = (0.0, 20 * 3600.0, -20 * 3600.0)
"""Seconds; less than the days that decide what the batch and the trends take into account."""


class Copy(LayerProcess):
    """One more process of a layer, with the same settings, checkpoints and consumer groups."""

    def __init__(
        self, spec: LayerSpec, folder: Path, log: LogFile, environment: Mapping[str, str], clock_shift: float
    ) -> None:
        super().__init__(spec, folder, log, environment)
        self._clock_shift = clock_shift

    def argv(self) -> Sequence[str | Path]:
        if not self._clock_shift:
            return super().argv()
        return [sys.executable, "-m", "tests.oracle.shifted_clock", str(self._clock_shift), *self._spec.arguments]

    def environment(self) -> dict[str, str]:
        return super().environment() | {"PYTHONPATH": str(Path.cwd())}


@dataclass
class Copies:
    """The copies that run; their logs are beside those of the stack."""

    data_dir: Path
    settings: Mapping[str, str]
    running: dict[str, Copy] = field(default_factory=dict)
    api: httpx.Client | None = None
    """A client of the API's copy."""

    def start(self, layer: str, clock_shift: float = 0.0) -> None:
        """Start a second copy of a layer. From a thread that lasts: the copy dies with it."""
        folder = DataFolder(self.data_dir)
        (spec,) = (spec for spec in LAYERS if spec.name == layer)
        own = {"API_PORT": str(free_port()), "SPARK_UI_PORT": "0", "SPARK_DRIVER_MEMORY": "512m"}
        environment = {**running_environment(folder), **self.settings, **own}
        name = f"{layer}-copy"
        copy = Copy(spec, folder.service(name), folder.log(name), environment, clock_shift)
        copy.start()
        self.running[layer] = copy
        if layer == "api":
            self.api = httpx.Client(base_url=f"http://{LOOPBACK}:{own['API_PORT']}", timeout=30)

    def end(self) -> dict[str, int | None]:
        """End all copies, by kill -9; how those had ended that were not alive any more."""
        ended = {layer: copy.process.exit_code for layer, copy in self.running.items() if copy.process}
        for copy in self.running.values():
            copy.kill()
        self.running.clear()
        if self.api is not None:
            self.api.close()
            self.api = None
        return ended
