"""One redis-server with an append-only file."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final

from cinematch.local_stack.log_file import LogFile
from cinematch.local_stack.ports import LOOPBACK
from cinematch.local_stack.service import Service
from cinematch.local_stack.toolchain import Toolchain

PING_TIMEOUT_SECONDS: Final = 1.0


class RedisServer(Service):
    """Listens on `url`. The append-only file is synced every second: a power cut may lose the last one."""

    name = "redis"
    start_seconds: ClassVar[float] = 30.0

    def __init__(
        self, toolchain: Toolchain, folder: Path, log: LogFile, port: int, options: Sequence[str] = ()
    ) -> None:
        super().__init__(folder, log)
        self._toolchain = toolchain
        self.port = port
        self._options = tuple(options)

    @property
    def url(self) -> str:
        """For REDIS_URL."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def argv(self) -> Sequence[str | Path]:
        network = ["--bind", LOOPBACK, "--port", str(self.port)]
        storage = ["--dir", str(self.folder), "--appendonly", "yes", "--save", ""]
        return [self._toolchain.redis_server(), *network, *storage, *self._options]

    def ready(self) -> bool:
        """A PING is answered with PONG, which a server that still loads its file refuses."""
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=PING_TIMEOUT_SECONDS) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
