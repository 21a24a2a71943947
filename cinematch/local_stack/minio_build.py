"""MinIO, built once by Go on the user's machine, never shipped: it is AGPL, and this is the last version with the full
console.

`python -m cinematch.local_stack.minio_build` builds it alone: `make` does so while the other Python packages are still
on their way, so nothing is imported here but the standard library, filelock and platformdirs.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from cinematch.errors import CineMatchError
from cinematch.local_stack.download_cache import DownloadCache, default_cache_dir
from cinematch.local_stack.program_run import run_program
from cinematch.local_stack.server_binaries import first_program, inside_wheel

MINIO_MODULE: Final = "github.com/minio/minio"
MINIO_VERSION: Final = "v0.0.0-20250422221226-0d7408fc9969"
MINIO_ENTRY: Final = f"minio-{MINIO_VERSION}"
OLDEST_GO: Final = (1, 24)  # what that MinIO's go.mod asks for
BUILD_TIMEOUT_SECONDS: Final = 1800
_QUICKER: Final = "400"
"""How much the compiler's heap may grow between collections, in percent (100 is usual): with no debugging information
made, which the linker would drop, a build takes 0.7 of the processor time, and no more memory."""


def minio(cache: DownloadCache) -> Path:
    """The MinIO server; built on first use, which takes minutes. Whoever comes meanwhile waits for it."""
    return cache.get(MINIO_ENTRY, build) / "minio"


def build(folder: Path) -> None:
    """Build MinIO into `folder`. Raises CineMatchError: with Go's own words, or when it takes too long."""
    workshop = folder.parent / "go"  # sources and objects: some 2 GB that go with the temporary folder
    environment = os.environ | {
        "CGO_ENABLED": "0",
        "GOBIN": str(folder),
        "GOCACHE": str(workshop / "build"),
        "GOFLAGS": "-modcacherw -trimpath",
        "GOGC": _QUICKER,
        "GOPATH": str(workshop),
        "GOTOOLCHAIN": "local",
    }
    options = ["-gcflags=all=-dwarf=false", "-ldflags=-s -w"]
    command = [str(_go()), "install", *options, f"{MINIO_MODULE}@{MINIO_VERSION}"]
    too_slow = CineMatchError(
        f"MinIO was not built in {BUILD_TIMEOUT_SECONDS} s: "
        "repeat the command when the network is faster or the machine less busy"
    )
    built = run_program(command, BUILD_TIMEOUT_SECONDS, too_slow, environment)
    if built.returncode != 0:
        raise CineMatchError(f"MinIO cannot be built: {built.stderr.strip()[-500:]}")


def _go() -> Path:
    return first_program("go", inside_wheel("go", "bin/go"), OLDEST_GO, "run `make setup`, which brings one")


def main() -> int:
    """Build it where CINEMATCH_CACHE_DIR in the environment says, unless it is there; give the exit code."""
    folder = os.environ.get("CINEMATCH_CACHE_DIR")
    cache = DownloadCache(Path(folder) if folder else default_cache_dir())
    if not cache.has(MINIO_ENTRY):
        print("Building MinIO from source (minutes, once) ...", flush=True)
    try:
        minio(cache)
    except CineMatchError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
