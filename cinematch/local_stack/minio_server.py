"""One MinIO server with its console, on loopback only: its version predates a security fix (CVE-2025-62506)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from cinematch.adapters.s3_buckets import ensure_bucket
from cinematch.errors import StoreUnavailable
from cinematch.local_stack.credentials import Credentials
from cinematch.local_stack.log_file import LogFile
from cinematch.local_stack.ports import LOOPBACK, accepts_connections
from cinematch.local_stack.service import Service
from cinematch.local_stack.toolchain import Toolchain

PROBE_TIMEOUT_SECONDS = 1.0
MEMORY = "256MiB"
"""From here on Go collects garbage rather than take more; unbounded it would keep whatever a busy minute needed."""


@dataclass(frozen=True)
class MinioPorts:
    """Where the object store and its console listen."""

    api: int
    console: int


class MinioServer(Service):
    """Serves S3 on `url` and the console on `console_url`; creates `bucket` when it is missing."""

    name = "minio"

    def __init__(
        self,
        toolchain: Toolchain,
        folder: Path,
        log: LogFile,
        ports: MinioPorts,
        credentials: Credentials,
        bucket: str,
    ) -> None:
        super().__init__(folder, log)
        self._toolchain = toolchain
        self._ports = ports
        self._bucket = bucket
        self.credentials = credentials

    @property
    def url(self) -> str:
        """For S3_ENDPOINT_URL."""
        return f"http://{LOOPBACK}:{self._ports.api}"

    @property
    def console_url(self) -> str:
        """For a browser; the credentials are the user and the password."""
        return f"http://{LOOPBACK}:{self._ports.console}"

    def argv(self) -> Sequence[str | Path]:
        api = ["--address", f"{LOOPBACK}:{self._ports.api}"]
        console = ["--console-address", f"{LOOPBACK}:{self._ports.console}"]
        # Anonymous output, because the usual banner prints the credentials.
        return [self._toolchain.minio(), "server", self.folder / "data", *api, *console, "--anonymous"]

    def environment(self) -> dict[str, str]:
        user, password = self.credentials.access_key_id, self.credentials.secret_access_key
        return {
            "GOMEMLIMIT": MEMORY,
            "MINIO_ROOT_PASSWORD": password,
            "MINIO_ROOT_USER": user,
            "MINIO_UPDATE": "off",
        }

    def ready(self) -> bool:
        try:
            live = httpx.get(f"{self.url}/minio/health/live", timeout=PROBE_TIMEOUT_SECONDS, trust_env=False)
            if not live.is_success:
                return False
            ensure_bucket(self.url, self.credentials.access_key_id, self.credentials.secret_access_key, self._bucket)
        except (httpx.HTTPError, StoreUnavailable):
            return False
        return accepts_connections(self._ports.console)  # it comes a moment after the object store
