"""The layers that the embedded stack runs, each one a process `python -m <module> ...`."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar, Final

import httpx

from cinematch.local_stack.log_file import LogFile
from cinematch.local_stack.service import BEHIND_ANSWERS, LAST, Service
from cinematch.readiness import READY_FILE_VARIABLE

PROBE_TIMEOUT_SECONDS: Final = 2.0


@dataclass(frozen=True)
class LayerSpec:
    """How one layer is run: `python -m` with `arguments`; `uses_spark` gives it a Spark UI of its own.

    `niceness` lets those who wait for an answer go first where cores are few: a view may be late, a POST may not.
    """

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    uses_spark: bool = False
    niceness: int = 0

    @property
    def installed(self) -> bool:
        """Whether the layer is part of this installation."""
        return find_spec(self.module) is not None


LAYERS: Final = (
    LayerSpec("api", "cinematch.api", ("cinematch", "api")),
    LayerSpec("relay", "ingestion.__main__", ("ingestion",), niceness=BEHIND_ANSWERS),
    LayerSpec("micro_batch", "micro_batch.__main__", ("micro_batch",), uses_spark=True, niceness=LAST),
    LayerSpec("data_lake", "data_lake.__main__", ("data_lake",), niceness=LAST),
    LayerSpec("speed_layer", "speed_layer.__main__", ("speed_layer",), uses_spark=True, niceness=BEHIND_ANSWERS),
    LayerSpec("scheduler", "batch_layer.__main__", ("batch_layer",), niceness=LAST),
)


def installed_layers() -> list[LayerSpec]:
    """The layers of this installation, in the order in which they are shown."""
    return [spec for spec in LAYERS if spec.installed]


class LayerProcess(Service):
    """A layer that touches its readiness file when it is at work (`cinematch.readiness`)."""

    start_seconds: ClassVar[float] = 300.0  # two Spark applications at once on two busy cores
    grace_seconds: ClassVar[float] = 20.0

    def __init__(self, spec: LayerSpec, folder: Path, log: LogFile, environment: Mapping[str, str]) -> None:
        super().__init__(folder, log)
        self.name = spec.name
        self._spec = spec
        self._environment = dict(environment)

    @property
    def metrics_url(self) -> str | None:
        port = self._environment.get("METRICS_PORT")
        return port and f"http://{self._environment['METRICS_HOST']}:{port}/metrics"

    def argv(self) -> Sequence[str | Path]:
        return [sys.executable, "-m", *self._spec.arguments]

    @property
    def niceness(self) -> int:
        return self._spec.niceness

    def environment(self) -> dict[str, str]:
        scratch = dict.fromkeys(("TMPDIR", "SPARK_LOCAL_DIRS"), str(self._scratch))
        own = {READY_FILE_VARIABLE: str(self._ready_file), "PYTHONUNBUFFERED": "1"}
        return {**self._environment, **scratch, **own}

    def prepare(self) -> None:
        self._ready_file.unlink(missing_ok=True)
        shutil.rmtree(self._scratch, ignore_errors=True)  # what a killed run could not remove
        self._scratch.mkdir()

    def ready(self) -> bool:
        return self._ready_file.exists()

    @property
    def _scratch(self) -> Path:
        return self.folder / "scratch"

    @property
    def _ready_file(self) -> Path:
        return self.folder / "ready"


class ApiProcess(LayerProcess):
    """The layer that is ready when its health page says so: then everything that it reads from is there."""

    def ready(self) -> bool:
        url = f"http://{self._environment['API_HOST']}:{self._environment['API_PORT']}/health/ready"
        try:
            return httpx.get(url, timeout=PROBE_TIMEOUT_SECONDS, trust_env=False).is_success
        except httpx.HTTPError:
            return False
