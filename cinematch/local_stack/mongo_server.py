"""One mongod as a replica set of one member, which is what makes transactions and change streams work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cinematch.adapters.mongo_replica_set import ensure_primary
from cinematch.errors import StoreUnavailable
from cinematch.local_stack.log_file import LogFile
from cinematch.local_stack.ports import LOOPBACK, accepts_connections
from cinematch.local_stack.service import Service
from cinematch.local_stack.toolchain import Toolchain

REPLICA_SET = "rs0"
CACHE_GIGABYTES = "0.5"
OPLOG_MEGABYTES = "1024"  # change streams resume from here, so hours of writes must fit
TRANSACTION_SECONDS = 10
"""How long a transaction may stay open; mongod looks at half of it.

A process that is killed leaves its own behind, and nobody else can change what it had changed until mongod ends it:
after 60 to 90 seconds if it is not told otherwise. Ours take milliseconds.
"""


class MongoServer(Service):
    """Listens on `url`; ready means that the member is primary."""

    name = "mongodb"

    def __init__(self, toolchain: Toolchain, folder: Path, log: LogFile, port: int) -> None:
        super().__init__(folder, log)
        self._toolchain = toolchain
        self._port = port

    @property
    def url(self) -> str:
        """For MONGODB_URL."""
        return f"mongodb://{LOOPBACK}:{self._port}/?replicaSet={REPLICA_SET}"

    def prepare(self) -> None:
        (self.folder / "data").mkdir(exist_ok=True)

    def argv(self) -> Sequence[str | Path]:
        network = ["--bind_ip", LOOPBACK, "--port", str(self._port), "--nounixsocket"]
        storage = ["--dbpath", str(self.folder / "data"), "--wiredTigerCacheSizeGB", CACHE_GIGABYTES]
        replication = ["--replSet", REPLICA_SET, "--oplogSize", OPLOG_MEGABYTES]
        transactions = ["--setParameter", f"transactionLifetimeLimitSeconds={TRANSACTION_SECONDS}"]
        return [self._toolchain.mongod(), *network, *storage, *replication, *transactions, "--quiet"]

    def ready(self) -> bool:
        if not accepts_connections(self._port):
            return False
        try:
            return ensure_primary(LOOPBACK, self._port, REPLICA_SET)
        except StoreUnavailable:
            return False
