"""Real servers behind TLS and passwords, with certificates of an authority that lives for one test session."""

from __future__ import annotations

import asyncio
import secrets
import ssl
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any, ClassVar, Final

import httpx
import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from pydantic import SecretStr
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from cinematch.adapters.kafka_topics import ensure_topics
from cinematch.adapters.s3_buckets import ensure_bucket
from cinematch.errors import StoreUnavailable
from cinematch.local_stack.kafka_server import LOGGING, KafkaServer
from cinematch.local_stack.log_file import LogFile
from cinematch.local_stack.minio_server import MinioServer
from cinematch.local_stack.mongo_server import REPLICA_SET, MongoServer
from cinematch.local_stack.ports import LOOPBACK, accepts_connections, free_port
from cinematch.local_stack.toolchain import Toolchain
from cinematch.settings import KafkaAccess, KafkaProtocol, SaslMechanism

USER: Final = "cinematch"


class Authority:
    """A certificate authority, what it signed for the servers, and another one that signed nothing."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        server = authority.issue_cert(LOOPBACK, "localhost")
        key = load_pem_private_key(server.private_key_pem.bytes(), None)
        self.ca_file = folder / "ca.pem"
        self.other_ca_file = folder / "other-ca.pem"
        self.certificate = folder / "server.crt"
        self.key = folder / "server.key"
        self.both = folder / "server.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        trustme.CA().cert_pem.write_to_path(str(self.other_ca_file))
        pem = b"".join(it.bytes() for it in server.cert_chain_pems)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # what Java reads
        self.certificate.write_bytes(pem)
        self.key.write_bytes(private)
        self.both.write_bytes(private + pem)


class SecuredMongo(MongoServer):
    """A mongod of a replica set that wants TLS and a password; `root` is its administrator."""

    def __init__(self, toolchain: Toolchain, folder: Path, port: int, authority: Authority) -> None:
        super().__init__(toolchain, folder, LogFile(folder / "log"), port)
        self._authority = authority
        self.password = secrets.token_urlsafe(12)

    @property
    def url(self) -> str:
        return self.url_of("root", self.password)

    @property
    def url_of_nobody(self) -> str:
        """For MONGODB_URL, without a user."""
        return f"mongodb://{LOOPBACK}:{self._port}/?replicaSet={REPLICA_SET}"

    def url_of(self, user: str, password: str) -> str:
        """For MONGODB_URL; TLS comes with MONGODB_CA_FILE."""
        return f"mongodb://{user}:{password}@{LOOPBACK}:{self._port}/?replicaSet={REPLICA_SET}&authSource=admin"

    def prepare(self) -> None:
        super().prepare()
        self._key.write_text(secrets.token_hex(32))
        self._key.chmod(0o600)

    def argv(self) -> Sequence[str | Path]:
        tls: list[str | Path] = ["--tlsMode", "requireTLS", "--tlsCertificateKeyFile", self._authority.both]
        clients: list[str | Path] = ["--tlsCAFile", self._authority.ca_file, "--tlsAllowConnectionsWithoutCertificates"]
        return [*super().argv(), *tls, *clients, "--auth", "--keyFile", self._key]

    def ready(self) -> bool:
        """Make the replica set and its first user, which mongod allows from this machine while there is none."""
        if not accepts_connections(self._port):
            return False
        tls: dict[str, Any] = {
            "tls": True,
            "tlsCAFile": str(self._authority.ca_file),
            "serverSelectionTimeoutMS": 2_000,
        }
        with MongoClient[dict[str, Any]](LOOPBACK, self._port, directConnection=True, **tls) as client:
            try:
                if client.admin.command("hello").get("isWritablePrimary"):
                    client.admin.command("createUser", "root", pwd=self.password, roles=["root"])
                    return True
                member = {"_id": 0, "host": f"{LOOPBACK}:{self._port}"}
                client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [member]})
            except PyMongoError:
                return False
        return False

    @property
    def _key(self) -> Path:
        return self.folder / "key"


PROPERTIES: Final = Template("""\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@$host:$controller_port
listeners=SASL_SSL://$host:$port,INSIDE://$host:$inside_port,CONTROLLER://$host:$controller_port
advertised.listeners=SASL_SSL://$host:$port,INSIDE://$host:$inside_port
listener.security.protocol.map=SASL_SSL:SASL_SSL,INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=INSIDE
controller.listener.names=CONTROLLER
sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN
listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
user_$user="$password";
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
# The broker itself has no name on the two inner listeners.
super.users=User:$user;User:ANONYMOUS
ssl.keystore.type=PEM
ssl.keystore.location=$both
log.dirs=$data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=16777216
""")


class SecuredKafka(KafkaServer):
    """A broker that speaks SASL_SSL to clients, and lets `USER` do everything and others what ACLs say."""

    start_seconds: ClassVar[float] = 300.0

    def __init__(self, toolchain: Toolchain, folder: Path, port: int, authority: Authority) -> None:
        super().__init__(toolchain, folder, LogFile(folder / "log"), port, free_port())
        self._authority = authority
        self._inside_port = free_port()
        self.password = secrets.token_urlsafe(12)

    def access(self, mechanism: SaslMechanism) -> KafkaAccess:
        """Give what a client needs to be let in."""
        return KafkaAccess(
            self.address, KafkaProtocol.SASL_SSL, mechanism, USER, SecretStr(self.password), self._authority.ca_file
        )

    def prepare(self) -> None:
        values = {
            "host": LOOPBACK,
            "port": self._port,
            "inside_port": self._inside_port,
            "controller_port": self._controller_port,
            "user": USER,
            "password": self.password,
            "both": self._authority.both,
            "data": self._data,
        }
        self._properties.write_text(PROPERTIES.substitute(values))
        self._logging.write_text(LOGGING)
        if not (self._data / "meta.properties").exists():
            scram = f"SCRAM-SHA-512=[name={USER},password={self.password}]"
            options = ["--ignore-formatted", "--cluster-id=AAAAAAAAAAAAAAAAAAAAAQ", "--add-scram", scram]
            command = [*self._java(), "kafka.tools.StorageTool", "format", *options, "-c", self._properties]
            subprocess.run(command, check=True, capture_output=True, timeout=120)

    def ready(self) -> bool:
        if not accepts_connections(self._port):
            return False
        try:
            ensure_topics(self.access(SaslMechanism.SCRAM_SHA_512), {})
        except StoreUnavailable:
            return False
        return True


class SecuredMinio(MinioServer):
    """A MinIO that speaks https."""

    ca_file: Path
    certificates: Path

    def certified(self, authority: Authority, folder: Path) -> SecuredMinio:
        """Give the server its certificate."""
        self.ca_file = authority.ca_file
        self.certificates = folder
        folder.mkdir()
        (folder / "public.crt").write_bytes(authority.certificate.read_bytes())
        (folder / "private.key").write_bytes(authority.key.read_bytes())
        return self

    @property
    def url(self) -> str:
        return f"https://{LOOPBACK}:{self._ports.api}"

    def argv(self) -> Sequence[str | Path]:
        return [*super().argv(), "--certs-dir", self.certificates]

    def ready(self) -> bool:
        context = ssl.create_default_context(cafile=self.ca_file)
        try:
            if not httpx.get(f"{self.url}/minio/health/live", verify=context, trust_env=False).is_success:
                return False
            key, secret = self.credentials.access_key_id, self.credentials.secret_access_key
            ensure_bucket(self.url, key, secret, self._bucket, self.ca_file)
        except (httpx.HTTPError, StoreUnavailable):
            return False
        return True


class TlsDoor:
    """Ends TLS in front of a plain server: the Redis of the wheel was built without it (Debian's has it)."""

    def __init__(self, authority: Authority, plain_port: int) -> None:
        self.port = free_port()
        self._plain_port = plain_port
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(authority.both)
        self._loop = asyncio.new_event_loop()
        self._opened = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> TlsDoor:
        self._thread.start()
        self._opened.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = asyncio.start_server(self._serve, LOOPBACK, self.port, ssl=self._context)
        self._loop.run_until_complete(server)
        self._opened.set()
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(LOOPBACK, self._plain_port)
        await asyncio.gather(_pour(reader, inner_writer), _pour(inner_reader, writer), return_exceptions=True)


async def _pour(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
    finally:
        sink.close()
