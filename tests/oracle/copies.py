"""Second copies of layers beside those of the stack, some of them with a wrong clock."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import httpx

from cinematch.local_stack.control import running_environment
from cinematch.local_stack.data_folder import DataFolder
from cinematch.local_stack.layers import LAYERS, LayerProcess, LayerSpec
from cinematch.local_stack.log_file import LogFile
from cinematch.local_stack.ports import LOOPBACK, free_port
from tests.end_to_end.running_stack import ONE_REQUEST_EACH

CLOCK_SHIFTS: Final = (0.0, 20 * 3600.0, -20 * 3600.0)
"""Seconds; less than the days that decide what the batch and the trends take into account."""
AT_WORK: Final = "at work"
STARTING: Final = "starting"
ENDED: Final = "ended"
LEADING: Final = ("relay",)
"""Who is ready only when it leads; before that it stands by, and asks for the lease again and again."""
STANDBY_SECONDS: Final = 30.0
"""After them a process has started, on a busy machine, too."""
TRACEBACK: Final = "Traceback (most recent call last)"


class Copy(LayerProcess):
    """One more process of a layer, with the same settings, checkpoints and consumer groups."""

    def __init__(
        self, spec: LayerSpec, folder: Path, log: LogFile, environment: Mapping[str, str], clock_shift: float
    ) -> None:
        super().__init__(spec, folder, log, environment)
        self.began = time.monotonic()
        self.clock_shift = clock_shift

    @property
    def has_ended(self) -> bool:
        """Whether it runs no more, by itself."""
        return self.process is not None and self.process.exit_code is not None

    def argv(self) -> Sequence[str | Path]:
        if not self.clock_shift:
            return super().argv()
        return [sys.executable, "-m", "tests.oracle.shifted_clock", str(self.clock_shift), *self._spec.arguments]

    def environment(self) -> dict[str, str]:
        return super().environment() | {"PYTHONPATH": str(Path.cwd())}


@dataclass
class Copies:
    """The copies that run; their logs are beside those of the stack."""

    data_dir: Path
    settings: Mapping[str, str]
    running: dict[str, Copy] = field(default_factory=dict)
    _api: httpx.Client | None = None
    _api_answers: bool = False

    def start(self, layer: str, clock_shift: float = 0.0) -> None:
        """Start a second copy of a layer. From a thread that lasts: the copy dies with it."""
        folder = DataFolder(self.data_dir)
        (spec,) = (spec for spec in LAYERS if spec.name == layer)
        own = {"API_PORT": str(free_port()), "SPARK_UI_PORT": "0", "SPARK_DRIVER_MEMORY": "512m"}
        environment = {**running_environment(folder), **self.settings, **own}
        name = f"{layer}-copy"
        spec = replace(spec, niceness=0)  # or it would not come to work before the schedule ends
        copy = Copy(spec, folder.service(name), folder.log(name), environment, clock_shift)
        copy.start()
        self.running[layer] = copy
        if layer == "api":
            address = f"http://{LOOPBACK}:{own['API_PORT']}"
            self._api = httpx.Client(base_url=address, timeout=30, limits=ONE_REQUEST_EACH)

    def api(self) -> httpx.Client | None:
        """Give a client of the API's copy once that answers."""
        if self._api is not None and not self._api_answers:
            with suppress(httpx.TransportError):
                self._api_answers = self._api.get("/health/live").is_success
        return self._api if self._api_answers else None

    def start_still(self) -> bool:
        """Say whether a copy lives that is not at work yet."""
        return any(not copy.has_ended and self._fared(copy) == STARTING for copy in self.running.values())

    def end(self) -> list[tuple[Copy, str]]:
        """End all copies, by kill -9; give each, and how it had fared: AT_WORK, STARTING or ENDED."""
        try:
            return [(copy, self._fared(copy)) for copy in self.running.values()]
        finally:
            for copy in self.running.values():
                copy.kill()
            self.running.clear()
            if self._api is not None:
                self._api.close()
            self._api, self._api_answers = None, False

    def _fared(self, copy: Copy) -> str:
        """Raises AssertionError for a copy that had no reason to end: it says one in a sentence."""
        is_api = copy.name == "api"
        if copy.has_ended:
            if TRACEBACK in (words := copy.last_words()):
                raise AssertionError(f"the copy of {copy.name} has ended: {words}")
            return STARTING if is_api else ENDED  # without MongoDB there is no start; the stack's is repeated
        if is_api:
            return AT_WORK if self.api() is not None else STARTING
        stands_by = copy.name in LEADING and time.monotonic() > copy.began + STANDBY_SECONDS
        return AT_WORK if stands_by or copy.ready() else STARTING
