"""One Kafka broker in KRaft mode: broker and controller in one process."""

from __future__ import annotations

import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import ClassVar, Final

from cinematch.adapters.kafka_topics import ensure_topics
from cinematch.errors import StoreUnavailable
from cinematch.local_stack.log_file import LogFile
from cinematch.local_stack.ports import LOOPBACK, accepts_connections
from cinematch.local_stack.program_run import run_program
from cinematch.local_stack.service import BEHIND_ANSWERS, Service, ServiceFailed
from cinematch.local_stack.toolchain import Toolchain

HEAP: Final = "-Xmx512m"
FORMAT_TIMEOUT_SECONDS: Final = 120

PROPERTIES: Final = Template("""\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@$host:$controller_port
listeners=PLAINTEXT://$host:$port,CONTROLLER://$host:$controller_port
advertised.listeners=PLAINTEXT://$host:$port
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs=$data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
# A broker that was killed is taken back as soon as this has passed.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
# Of topics without a retention of their own; the layers give theirs one.
log.retention.hours=720
log.cleaner.dedupe.buffer.size=16777216
""")
LOGGING: Final = """\
rootLogger.level = WARN
rootLogger.appenderRef.stdout.ref = STDOUT
appender.stdout.type = Console
appender.stdout.name = STDOUT
appender.stdout.layout.type = PatternLayout
appender.stdout.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %p %m (%c)%n
logger.server.name = kafka.server
logger.server.level = INFO
"""


class KafkaServer(Service):
    """Listens on `address`; creates `topics` (name -> partitions) when they are missing."""

    name = "kafka"
    start_seconds: ClassVar[float] = 90.0

    def __init__(
        self,
        toolchain: Toolchain,
        folder: Path,
        log: LogFile,
        port: int,
        controller_port: int,
        topics: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(folder, log)
        self._toolchain = toolchain
        self._port = port
        self._controller_port = controller_port
        self._topics = dict(topics or {})

    @property
    def address(self) -> str:
        """For KAFKA_BOOTSTRAP_SERVERS."""
        return f"{LOOPBACK}:{self._port}"

    def prepare(self) -> None:
        values = {"host": LOOPBACK, "port": self._port, "controller_port": self._controller_port}
        self._properties.write_text(PROPERTIES.substitute(values, data=self._data))
        self._logging.write_text(LOGGING)
        if not (self._data / "meta.properties").exists():
            self._format()

    @property
    def niceness(self) -> int:
        return BEHIND_ANSWERS  # the outbox takes events without it

    def argv(self) -> Sequence[str | Path]:
        return [*self._java(HEAP), "kafka.Kafka", self._properties]

    def ready(self) -> bool:
        if not accepts_connections(self._port):
            return False
        try:
            ensure_topics(self.address, self._topics)
        except StoreUnavailable:
            return False
        return True

    @property
    def _properties(self) -> Path:
        return self.folder / "server.properties"

    @property
    def _logging(self) -> Path:
        return self.folder / "log4j2.properties"

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _java(self, *options: str) -> list[str | Path]:
        jars = self._toolchain.kafka_jars() / "*"
        logging = f"-Dlog4j2.configurationFile={self._logging}"
        return [self._toolchain.java, *options, "-XX:+UseSerialGC", logging, "-cp", str(jars)]

    def _format(self) -> None:
        """Give the storage its cluster id; a broker refuses storage that has none."""
        cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # Kafka's tools read an id that starts with a dash as an option.
        command = [*self._java(), "kafka.tools.StorageTool", "format", "--ignore-formatted"]
        command += [f"--cluster-id={cluster_id}", "-c", self._properties]
        too_slow = ServiceFailed(
            f"Kafka's storage was not formatted in {FORMAT_TIMEOUT_SECONDS} s: "
            "repeat the command when the machine and its disk are less busy"
        )
        run = run_program(command, FORMAT_TIMEOUT_SECONDS, too_slow)
        if run.returncode != 0:
            raise ServiceFailed(f"Kafka's storage cannot be formatted: {(run.stdout + run.stderr).strip()[-500:]}")
