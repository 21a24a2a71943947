"""`cinematch doctor`: is this machine fit for the stack, and if not, what is to be done."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

import psutil

from cinematch.errors import CineMatchError
from cinematch.local_stack.data_folder import DataFolder
from cinematch.local_stack.layers import installed_layers
from cinematch.local_stack.ports import is_free
from cinematch.local_stack.prerequisites import MissingPrerequisite, check_python
from cinematch.local_stack.stack import usual_ports
from cinematch.local_stack.toolchain import Toolchain

GIB: Final = 1024**3
MEMORY_WANTED: Final = 4 * GIB  # what the whole stack may take
MEMORY_NEEDED: Final = 2 * GIB
DISK_WANTED: Final = 5 * GIB  # sources and objects of the one build, jars, some data
DISK_NEEDED: Final = 1 * GIB


class Verdict(StrEnum):
    """How serious a finding is."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True)
class Finding:
    """One thing looked at; `advice` says what to do unless it is good."""

    subject: str
    verdict: Verdict
    found: str
    advice: str = ""


@dataclass(frozen=True)
class Machine:
    """What was measured; programs map to what is wrong with them, empty when nothing is."""

    python_version: tuple[int, ...]
    memory_available_bytes: int
    disk_free_bytes: int
    programs: Mapping[str, str] = field(default_factory=dict)
    busy_ports: Mapping[str, int] = field(default_factory=dict)
    toolchain_installed: bool = True
    stack_runs: bool = False


def measure(toolchain: Toolchain, folder: DataFolder) -> Machine:
    """Look at this machine; nothing is fetched, built or started."""
    existing = next(path for path in (folder.path, *folder.path.parents) if path.exists())
    programs: dict[str, Callable[[], Path]] = {
        "Java": lambda: toolchain.java,
        "mongod": toolchain.mongod,
        "redis-server": toolchain.redis_server,
    }
    return Machine(
        python_version=tuple(sys.version_info[:3]),
        memory_available_bytes=psutil.virtual_memory().available,
        disk_free_bytes=shutil.disk_usage(existing).free,
        programs={name: _problem(find) for name, find in programs.items()},
        busy_ports={name: port for name, port in usual_ports(installed_layers()).items() if not is_free(port)},
        toolchain_installed=toolchain.installed,
        stack_runs=folder.is_held,
    )


def examine(machine: Machine) -> list[Finding]:
    """Judge what was measured."""
    return [
        _python(machine.python_version),
        *(_program(name, problem) for name, problem in machine.programs.items()),
        _toolchain(machine.toolchain_installed),
        _space("memory", machine.memory_available_bytes, MEMORY_WANTED, MEMORY_NEEDED, "end other programs"),
        _space("disk", machine.disk_free_bytes, DISK_WANTED, DISK_NEEDED, "free some, or choose another --data-dir"),
        _ports(machine.busy_ports, machine.stack_runs),
    ]


def _problem(find: Callable[[], Path]) -> str:
    try:
        find()
    except CineMatchError as error:
        return str(error)
    return ""


def _python(version: tuple[int, ...]) -> Finding:
    shown = ".".join(map(str, version))
    try:
        check_python(version)
    except MissingPrerequisite as missing:
        return Finding("Python", Verdict.BAD, shown, str(missing))
    return Finding("Python", Verdict.GOOD, shown)


def _program(name: str, problem: str) -> Finding:
    return Finding(name, Verdict.BAD if problem else Verdict.GOOD, "missing" if problem else "found", problem)


def _toolchain(installed: bool) -> Finding:
    if installed:
        return Finding("jars and MinIO", Verdict.GOOD, "installed")
    return Finding("jars and MinIO", Verdict.WARNING, "not installed", "`make setup` fetches and builds them, once")


def _space(subject: str, free: int, wanted: int, needed: int, remedy: str) -> Finding:
    found = f"{free / GIB:.1f} GiB free"
    if free >= wanted:
        return Finding(subject, Verdict.GOOD, found)
    verdict = Verdict.WARNING if free >= needed else Verdict.BAD
    return Finding(subject, verdict, found, f"the stack may take {wanted / GIB:.0f} GiB: {remedy}")


def _ports(busy: Mapping[str, int], stack_runs: bool) -> Finding:
    if not busy:
        return Finding("ports", Verdict.GOOD, "all free")
    if stack_runs:
        return Finding("ports", Verdict.GOOD, "in use while a stack runs here")
    shown = ", ".join(f"{port} ({name})" for name, port in busy.items())
    return Finding("ports", Verdict.WARNING, f"busy: {shown}", "nothing to do: `up` takes others and prints them")
