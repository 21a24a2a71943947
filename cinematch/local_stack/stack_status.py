"""What `cinematch status` tells: written by the supervisor on each change, read by everybody else."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from cinematch.local_stack.data_folder import DataFolder
from cinematch.local_stack.orphans import is_stack_process
from cinematch.local_stack.private_file import write_private

StackPhase = Literal["starting", "running", "stopping", "stopped", "failed"]
ServiceState = Literal["running", "failed", "stopped"]

ADDRESSES = ("api", "dashboard", "docs", "kafka", "mongodb", "redis", "s3", "minio_console")


@dataclass(frozen=True)
class ServiceStatus:
    """One server or layer: `failed` means ended and waiting to be started again, or not ready after that."""

    state: ServiceState
    pid: int | None = None
    detail: str = ""
    restarts: int = 0
    last_error: str = ""
    metrics: str | None = None


@dataclass(frozen=True)
class StackStatus:
    """The whole stack; `pid` is the supervisor's, `failure` why it gave up."""

    phase: StackPhase
    pid: int | None = None
    addresses: dict[str, str] = field(default_factory=dict)
    spark_ui: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    servers: dict[str, ServiceStatus] = field(default_factory=dict)
    layers: dict[str, ServiceStatus] = field(default_factory=dict)
    failure: str = ""

    def services(self) -> dict[str, ServiceStatus]:
        """Servers and layers by name."""
        return self.servers | self.layers

    @property
    def ready(self) -> bool:
        """Whether the stack is up and each server and layer of it runs."""
        return self.phase == "running" and not self.unready()

    def unready(self) -> dict[str, ServiceStatus]:
        """The servers and layers that do not run."""
        return {name: service for name, service in self.services().items() if service.state != "running"}

    def as_json(self) -> dict[str, Any]:
        """The document of `status --json`: addresses at the top level, null while nothing runs."""
        plain = asdict(self)
        known = dict.fromkeys(ADDRESSES) | plain.pop("addresses")
        return {"state": plain.pop("phase"), **known, **plain}


def write_status(folder: DataFolder, status: StackStatus) -> None:
    """Replace the stored status in one step."""
    write_private(folder.state_file, json.dumps(asdict(status), indent=1))


def stored_status(folder: DataFolder) -> StackStatus | None:
    """What a supervisor wrote last, whether it still runs or not."""
    try:
        stored = json.loads(folder.state_file.read_text())
    except FileNotFoundError:
        return None
    services = {
        part: {name: ServiceStatus(**status) for name, status in stored.pop(part).items()}
        for part in ("servers", "layers")
    }
    return StackStatus(**{**stored, **services, "notes": tuple(stored["notes"])})


def current_status(folder: DataFolder) -> StackStatus:
    """What is true now: the stored status when a living supervisor wrote it, else everything is stopped.

    A supervisor that holds the folder but has written nothing yet is `starting`.
    """
    stored = stored_status(folder) or StackStatus("stopped")
    held = folder.is_held
    if held and stored.pid is not None and is_stack_process(stored.pid, folder.path):
        return stored
    return StackStatus(
        phase="starting" if held else "stopped",
        servers=dict.fromkeys(stored.servers, ServiceStatus("stopped")),
        layers=dict.fromkeys(stored.layers, ServiceStatus("stopped")),
        failure=stored.failure,
    )
