"""The data directory of one stack: where everything lies, who holds it, and how it is wiped."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from platformdirs import user_data_path

from cinematch.errors import Conflict
from cinematch.local_stack.file_lock import try_lock
from cinematch.local_stack.log_file import LogFile

LOCK_PATIENCE_SECONDS: Final = 2.0  # a look at the lock holds it for an instant
SUPERVISOR: Final = "supervisor"


class DataFolder:
    """One stack's files. Two stacks run side by side when their folders differ."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = (path or user_data_path("cinematch")).expanduser().resolve()
        self.state_file = self.path / "state.json"
        self.credentials_file = self.path / "credentials.json"
        self.environment_file = self.path / "environment.json"
        self.token_key_file = self.path / "token-key.pem"
        self.token_public_key_file = self.path / "token-key.pub.pem"
        self.checkpoints = self.path / "checkpoints"
        self._services = self.path / "services"
        self._logs = self.path / "logs"
        self._lock_file = self.path / "supervisor.lock"

    def service(self, name: str) -> Path:
        """Where a server or layer keeps its own files; its working directory."""
        return self._services / name

    def log(self, name: str) -> LogFile:
        """The log of a server, of a layer or of the supervisor."""
        return LogFile(self._logs / f"{name}.log")

    def log_names(self) -> list[str]:
        """Everything that has a log."""
        return sorted(path.stem for path in self._logs.glob("*.log"))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold this folder as its one supervisor; the system lets go when the process ends, however it ends.

        Raises Conflict when another supervisor has it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with self._lock_file.open("a") as lock:
            if not try_lock(lock, LOCK_PATIENCE_SECONDS):
                raise Conflict(f"a stack runs in {self.path} already")
            yield

    @property
    def is_held(self) -> bool:
        """Whether a supervisor runs in this folder."""
        if not self._lock_file.exists():
            return False
        with self._lock_file.open("a") as lock:
            return not try_lock(lock)

    def wipe(self) -> None:
        """Delete all data, logs and state; files that are not ours stay. Raises Conflict while a stack runs."""
        with self.held():
            for folder in (self._services, self._logs, self.checkpoints):
                shutil.rmtree(folder, ignore_errors=True)
            for file in (
                self.state_file,
                self.credentials_file,
                self.environment_file,
                self.token_key_file,
                self.token_public_key_file,
            ):
                file.unlink(missing_ok=True)
