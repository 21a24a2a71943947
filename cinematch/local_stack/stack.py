"""Which servers and layers make up one stack, on which ports, with which settings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cinematch.local_stack.credentials import stored_credentials
from cinematch.local_stack.data_folder import DataFolder
from cinematch.local_stack.kafka_server import KafkaServer
from cinematch.local_stack.layers import ApiProcess, LayerProcess, LayerSpec, installed_layers
from cinematch.local_stack.minio_server import MinioPorts, MinioServer
from cinematch.local_stack.mongo_server import MongoServer
from cinematch.local_stack.ports import LOOPBACK, choose_ports
from cinematch.local_stack.redis_server import RedisServer
from cinematch.local_stack.service import Service
from cinematch.local_stack.toolchain import Toolchain
from cinematch.settings import Authentication, Settings

FIRST_SPARK_UI_PORT: Final = 4040
FIRST_METRICS_PORT: Final = 9101
LEAN_JVM: Final = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
"""For Spark on a laptop: the optimising compiler took a third of the streams' processor time and 200 MB, and half the
processor time of a small batch. Another value of SPARK_DRIVER_JAVA_OPTIONS goes before this one."""
USUAL_PORTS: Final = {
    "api": 8000,
    "kafka": 29092,
    "kafka controller": 29093,
    "mongodb": 27017,
    "redis": 6379,
    "minio": 9000,
    "minio console": 9001,
}


@dataclass(frozen=True)
class Servers:
    """The four servers of one stack."""

    kafka: KafkaServer
    mongo: MongoServer
    redis: RedisServer
    minio: MinioServer

    def all(self) -> list[Service]:
        """In the order in which they are shown."""
        return [self.kafka, self.mongo, self.redis, self.minio]


@dataclass(frozen=True)
class Stack:
    """The parts of one stack, none of them started, and what the layers must know to find them."""

    servers: Sequence[Service]
    layers: Sequence[Service]
    addresses: dict[str, str]
    spark_ui: dict[str, str]
    environment: dict[str, str]
    notes: tuple[str, ...] = ()


def usual_ports(layers: Sequence[LayerSpec]) -> dict[str, int]:
    """The port that each part takes when it is free."""
    spark = [spec.name for spec in layers if spec.uses_spark]
    return (
        USUAL_PORTS
        | {spark_ui(name): FIRST_SPARK_UI_PORT + place for place, name in enumerate(spark)}
        | {metrics_page(spec.name): FIRST_METRICS_PORT + place for place, spec in enumerate(layers)}
    )


def spark_ui(layer: str) -> str:
    """The name of a layer's Spark UI among the ports."""
    return f"{layer} Spark UI"


def metrics_page(layer: str) -> str:
    """The name of a layer's page of metrics among the ports."""
    return f"{layer} metrics"


def build_stack(toolchain: Toolchain, folder: DataFolder, settings: Settings) -> Stack:
    """Choose free ports and lay out the parts. Nothing is started; only the credentials are written."""
    specs = installed_layers()
    wanted = usual_ports(specs)
    ports = choose_ports(wanted)
    servers = _servers(toolchain, folder, settings, ports)
    spark_ui_urls = {spec.name: f"http://{LOOPBACK}:{ports[spark_ui(spec.name)]}" for spec in specs if spec.uses_spark}
    environment = _environment(toolchain, folder, settings, servers, ports["api"])
    environment |= _operator_links(servers, spark_ui_urls) | _token_key(folder, settings)
    api = f"http://{LOOPBACK}:{ports['api']}"
    return Stack(
        servers=servers.all(),
        layers=[_layer(spec, folder, environment, ports) for spec in specs],
        addresses={
            "api": api,
            "dashboard": f"{api}/",
            "docs": f"{api}/docs",
            "kafka": servers.kafka.address,
            "mongodb": servers.mongo.url,
            "redis": servers.redis.url,
            "s3": servers.minio.url,
            "minio_console": servers.minio.console_url,
        },
        spark_ui=spark_ui_urls,
        environment=environment,
        notes=tuple(
            f"port {port} is busy, so {name} listens on {ports[name]}"
            for name, port in wanted.items()
            if ports[name] != port
        ),
    )


def _servers(toolchain: Toolchain, folder: DataFolder, settings: Settings, ports: Mapping[str, int]) -> Servers:
    event_topics = {
        settings.events_topic: settings.topic_partitions,
        settings.dead_letter_topic: 1,
        settings.speed_deltas_topic: settings.topic_partitions,
    }
    minio_ports = MinioPorts(ports["minio"], ports["minio console"])
    credentials = stored_credentials(folder.credentials_file)
    kafka, mongodb, redis, minio = ((folder.service(n), folder.log(n)) for n in ("kafka", "mongodb", "redis", "minio"))
    return Servers(
        kafka=KafkaServer(toolchain, *kafka, ports["kafka"], ports["kafka controller"], event_topics),
        mongo=MongoServer(toolchain, *mongodb, ports["mongodb"]),
        redis=RedisServer(toolchain, *redis, ports["redis"]),
        minio=MinioServer(toolchain, *minio, minio_ports, credentials, settings.lake_bucket),
    )


def _environment(
    toolchain: Toolchain, folder: DataFolder, settings: Settings, servers: Servers, api_port: int
) -> dict[str, str]:
    """What every layer, and every command that works on this stack, reads as its settings."""
    return {
        "API_HOST": LOOPBACK,
        "API_PORT": str(api_port),
        "CHECKPOINT_DIR": str(folder.checkpoints),
        "JAVA_HOME": str(toolchain.java_home),
        "KAFKA_BOOTSTRAP_SERVERS": servers.kafka.address,
        "MONGODB_URL": servers.mongo.url,
        "REDIS_URL": servers.redis.url,
        "S3_ACCESS_KEY_ID": servers.minio.credentials.access_key_id,
        "S3_ENDPOINT_URL": servers.minio.url,
        "S3_SECRET_ACCESS_KEY": servers.minio.credentials.secret_access_key,
        "SPARK_DRIVER_JAVA_OPTIONS": settings.spark_driver_java_options or LEAN_JVM,
        "SPARK_JARS_DIR": str(toolchain.spark_jars()),
        "SPARK_LOCAL_IP": LOOPBACK,
    }


def _operator_links(servers: Servers, spark_ui_urls: Mapping[str, str]) -> dict[str, str]:
    """What the operator's page leads to."""
    spark = [(f"Spark UI: {layer}", url) for layer, url in spark_ui_urls.items()]
    return {"OPERATOR_LINKS": json.dumps([("MinIO console", servers.minio.console_url), *spark])}


def _token_key(folder: DataFolder, settings: Settings) -> dict[str, str]:
    """The key by which the API verifies what `cinematch token issue` gives, unless there is another issuer."""
    if settings.auth is Authentication.OFF or settings.jwt_key_file or settings.jwt_jwks_url:
        return {}
    from cinematch.local_stack.token_key import TokenKey  # cryptography, which no other command needs

    return {"JWT_KEY_FILE": str(TokenKey(folder).public_file())}


def _layer(
    spec: LayerSpec, folder: DataFolder, environment: Mapping[str, str], ports: Mapping[str, int]
) -> LayerProcess:
    own = {"METRICS_HOST": LOOPBACK, "METRICS_PORT": str(ports[metrics_page(spec.name)])}
    if spec.uses_spark:
        own["SPARK_UI_PORT"] = str(ports[spark_ui(spec.name)])
    kind = ApiProcess if spec.name == "api" else LayerProcess
    return kind(spec, folder.service(spec.name), folder.log(spec.name), {**environment, **own})
