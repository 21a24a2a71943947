"""Servers' folders as file systems of their own (tmpfs), which can be full: the servers meet a real ENOSPC.

Mounting is root's. Who is not root gets a limit on how far the server's files may grow instead: a server that writes
beyond it is ended by the system.
"""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

SIZE_BYTES: Final = 2 * 2**30
"""Far more than a schedule writes; only what is written takes memory."""
TRIES: Final = 100


class Disks:
    """One file system for each folder, by its name; `close` when the servers have ended."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._mounted = {folder.name: folder for folder in folders if _mount(folder)}

    def fill(self, name: str, pid: int) -> None:
        """Leave no space to the server."""
        if name in self._mounted:
            _shrink(self._mounted[name])
        else:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

    def free(self, name: str, pid: int) -> None:
        """Give the space back. A process that has ended meanwhile needs none."""
        if name in self._mounted:
            _resize(self._mounted[name], SIZE_BYTES)
        elif Path(f"/proc/{pid}").exists():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def close(self) -> None:
        """Unmount all."""
        for folder in self._mounted.values():
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _mount(folder: Path) -> bool:
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_BYTES}", "tmpfs", str(folder)]
    return os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0


def _shrink(folder: Path) -> None:
    """Leave what is taken; the system refuses when more has been written since it was measured."""
    for _ in range(TRIES):
        state = os.statvfs(folder)
        with suppress(subprocess.CalledProcessError):
            return _resize(folder, (state.f_blocks - state.f_bfree) * state.f_frsize)
    raise RuntimeError(f"{folder} fills faster than it can be measured")


def _resize(folder: Path, size_bytes: int) -> None:
    subprocess.run(
        ["mount", "-o", f"remount,size={max(size_bytes, 4096)}", str(folder)], check=True, capture_output=True
    )
