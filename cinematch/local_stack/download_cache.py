"""One folder for everything that is fetched or built once per machine, each entry keyed by its version.

An entry is filled in a temporary folder and renamed into place when complete: an interrupted download leaves no
half-filled entry, and of two set-ups at the same time one works while the other waits for it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_path


def default_cache_dir() -> Path:
    """The user's own cache folder for CineMatch."""
    return user_cache_path("cinematch")


class DownloadCache:
    """The entries below one folder; each is a folder that never changes once it exists."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def has(self, entry: str) -> bool:
        """Whether the entry is there; it is complete when it is."""
        return (self.folder / entry).is_dir()

    def get(self, entry: str, fill: Callable[[Path], None]) -> Path:
        """The folder of `entry`; when it is missing, `fill` is called with an empty folder to put it into.

        What `fill` raises passes through, and nothing of its work stays.
        """
        target = self.folder / entry
        if target.is_dir():
            return target
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / f".{entry}.lock"):
            if not target.is_dir():
                self._fill(target, fill)
        return target

    def _fill(self, target: Path, fill: Callable[[Path], None]) -> None:
        with tempfile.TemporaryDirectory(
            dir=self.folder, prefix=f".{target.name}.", ignore_cleanup_errors=True
        ) as staging:
            content = Path(staging) / "content"
            content.mkdir()
            fill(content)
            content.rename(target)
