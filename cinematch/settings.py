"""Every setting of every layer: read from the environment here and nowhere else, frozen, validated at start.

Names in the environment are the field names in upper case. `.env.example` documents them; a test keeps it equal to this
module. Addresses default to the service names of docker-compose.yml; the embedded stack sets its own.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Self, TypeVar, get_args
from urllib.parse import unquote, urlsplit

from pydantic import Field, FilePath, HttpUrl, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from cinematch.errors import ConfigurationError
from cinematch.telemetry import hide_in_logs


class StatsMode(StrEnum):
    """Which design answers GET /stats: the steps of the migration."""

    MICRO_BATCH = "micro_batch"
    CACHE_ASIDE = "cache_aside"
    INCREMENTAL = "incremental"
    LAMBDA = "lambda"


class Authentication(StrEnum):
    """Whether the API asks who calls."""

    OFF = "off"
    JWT = "jwt"


class SpeedTrigger(StrEnum):
    """How the speed layer's stream runs."""

    REALTIME = "realtime"
    MICRO_BATCH = "micro_batch"


class KafkaProtocol(StrEnum):
    """How brokers are spoken to: with TLS (SSL), with a user and a password (SASL), with both, or with neither."""

    PLAINTEXT = "PLAINTEXT"
    SSL = "SSL"
    SASL_PLAINTEXT = "SASL_PLAINTEXT"
    SASL_SSL = "SASL_SSL"


class SaslMechanism(StrEnum):
    """How a user proves to a broker who it is."""

    PLAIN = "PLAIN"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    SCRAM_SHA_512 = "SCRAM-SHA-512"


@dataclass(frozen=True, slots=True)
class KafkaAccess:
    """All that a client needs to reach Kafka; without more than addresses: neither TLS nor a password."""

    bootstrap_servers: str
    protocol: KafkaProtocol = KafkaProtocol.PLAINTEXT
    mechanism: SaslMechanism = SaslMechanism.SCRAM_SHA_512
    username: str = ""
    password: SecretStr = field(default_factory=lambda: SecretStr(""))
    ca_file: Path | None = None

    @property
    def has_user(self) -> bool:
        """Whether brokers ask who we are."""
        return self.protocol in (KafkaProtocol.SASL_PLAINTEXT, KafkaProtocol.SASL_SSL)


SECRETS_DIR_VARIABLE: Final = "SECRETS_DIR"
"""Names a folder of files, each named like a setting in lower case: secrets that are in no environment."""
Seconds = Annotated[float, Field(gt=0)]
Address = Annotated[str, Field(repr=False)]
"""May hold a password, so it is never shown."""
Port = Annotated[int, Field(ge=0, le=65535)]
Origin = Annotated[str, Field(pattern=r"^https?://[^/@\s]+$")]
"""Scheme, host and port of a page, as a browser names them."""
PerMinute = Annotated[int, Field(ge=0)]
AnySettings = TypeVar("AnySettings", bound=BaseSettings)


class Settings(BaseSettings):
    """The configuration of one process."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    # Kafka
    kafka_bootstrap_servers: str = "kafka:29092"
    kafka_security_protocol: KafkaProtocol = KafkaProtocol.PLAINTEXT
    kafka_sasl_mechanism: SaslMechanism = SaslMechanism.SCRAM_SHA_512
    kafka_sasl_username: str = ""
    kafka_sasl_password: SecretStr = SecretStr("")
    kafka_ca_file: FilePath | None = None
    """Certificates of the authorities that may have signed the brokers' (PEM); None: those that this machine trusts."""
    events_topic: str = "user-movie-events"
    """The event log: key = user_id, so one user's events are in one partition, in order."""
    dead_letter_topic: str = "user-movie-events.dead-letter"
    """Records that are no event, with the reason and where they came from."""
    speed_deltas_topic: str = "user-speed-deltas"
    """Validated events on their way from Spark's real-time mode to the consumers that apply them to Redis."""
    topic_partitions: Annotated[int, Field(ge=1)] = 4
    """Partitions of topics that we create; set once, for a key's partition depends on it."""
    topic_retention_days: Annotated[int, Field(ge=1)] = 30
    """How long Kafka keeps events and deltas: as long as the outbox keeps its events."""
    dead_letter_retention_days: Annotated[int, Field(ge=1)] = 90
    """How long dead letters stay, in Kafka and in the lake: until then one can be published again."""

    # MongoDB
    mongodb_url: Address = "mongodb://mongodb:27017"
    mongodb_ca_file: FilePath | None = None
    """As `kafka_ca_file`; it also switches TLS on."""
    mongodb_database: str = "cinematch"
    mongodb_timeout_seconds: Seconds = 5.0
    outbox_retention_days: Annotated[int, Field(ge=1)] = 30
    idempotency_keep_seconds: Annotated[int, Field(ge=1)] = 86_400
    """How long a change that carried an `Idempotency-Key` is answered as the first time: longer than clients retry."""

    # Redis
    redis_url: Address = "redis://redis:6379/0"
    redis_ca_file: FilePath | None = None
    """As `kafka_ca_file`, for an address that begins with `rediss:`."""
    redis_cluster: bool = False
    redis_timeout_seconds: Seconds = 1.0

    # S3 / MinIO
    lake_in_use: bool = True
    """Whether this installation has, or ever had, a lake; without one there is no nightly batch either. Where it is
    false an erasure waits for neither, and an export reads neither."""
    s3_endpoint_url: str = "http://minio:9000"
    s3_ca_file: FilePath | None = None
    """As `kafka_ca_file`, for an address that begins with `https:`."""
    s3_access_key_id: SecretStr = SecretStr("")
    s3_secret_access_key: SecretStr = SecretStr("")
    s3_region: str = "us-east-1"
    lake_bucket: str = "data-lake"
    lake_compaction_cron: str = "0 4 * * *"
    """When the scheduler (`python -m batch_layer`) compacts the lake, after the batch; UTC."""
    lake_compaction_bytes: Annotated[int, Field(ge=1)] = 32 * 1024 * 1024
    """How large compaction makes an object, at most (one of a sink may be larger): about a million events."""
    lake_compaction_grace_seconds: Annotated[float, Field(ge=0)] = 86_400.0
    """How long replaced objects stay for readers that are still at it: longer than the longest batch run."""
    lake_consumer_group: str = "data-lake"
    lake_flush_bytes: Annotated[int, Field(ge=1)] = 64 * 1024 * 1024
    """Keys and values that one object holds at most: bounds the sink's memory per partition."""
    lake_flush_events: Annotated[int, Field(ge=1)] = 50_000
    lake_flush_seconds: Seconds = 30.0

    # Spark
    spark_master_url: str = "local[2]"
    spark_jars_dir: Path | None = None
    spark_driver_host: str = "127.0.0.1"
    """The address of the driver that executors call, and that its UI listens on."""
    spark_driver_memory: str = "1g"
    spark_driver_java_options: str = ""
    """What the driver's Java machine is started with besides."""
    spark_executor_memory: str = "1g"
    """Memory of each executor of a master that is not local."""
    spark_shuffle_partitions: Annotated[int, Field(ge=1)] = 4
    spark_ui_port: Port = 4040
    checkpoint_dir: Path = Path("checkpoints")
    checkpoint_batches_kept: Annotated[int, Field(ge=2)] = 100
    """Micro-batches of which a checkpoint keeps where they began and ended, to go back to after a failure."""
    user_stats_trigger_seconds: Seconds = 1.0
    global_trends_trigger_seconds: Seconds = 30.0
    max_events_per_trigger: Annotated[int, Field(ge=1)] = 50_000

    # Speed layer
    speed_trigger: SpeedTrigger = SpeedTrigger.REALTIME
    """Real-time mode holds one task slot per partition of the log, so a Spark cluster must have that many."""
    speed_trigger_seconds: Annotated[float, Field(ge=0)] = 0.0
    """Of the micro-batch trigger; 0 = as soon as the batch before is done."""
    speed_checkpoint_seconds: Annotated[float, Field(ge=5)] = 300.0
    """Of the real-time trigger: how much is repeated after a failure. Not a latency; events pass at once."""
    speed_consumer_group: str = "speed-layer"
    """The consumers that apply deltas to Redis in real-time mode."""
    speed_audit_seconds: Seconds = 600.0
    """How often all users are compared with what was issued; a lost Redis is noticed at once, without it."""
    speed_idle_expiry_seconds: Seconds = 7 * 86_400
    """How long Redis keeps a user without pending events: longer than any replay can take."""

    # Batch layer
    batch_window_days: Annotated[int, Field(ge=1)] = 30
    batch_generations_kept: Annotated[int, Field(ge=1)] = 3
    batch_cron: str = "0 3 * * *"
    """When the scheduler runs the batch; UTC."""
    batch_max_age_seconds: Seconds = 93_600.0
    """How old what is published may become before it counts as overdue: a day, and the time of a run."""
    batch_lease_seconds: Seconds = 30.0
    """How long a batch run that was killed keeps the next one waiting."""
    batch_grace_seconds: Annotated[float, Field(ge=0)] = 600.0
    """How long a replaced generation stays for readers that are still at it, whatever the number kept."""

    # Serving
    stats_mode: StatsMode = StatsMode.MICRO_BATCH
    stats_cache_seconds: Annotated[int, Field(ge=1)] = 300
    min_sequence_wait_seconds: Seconds = 5.0
    audit_cron: str = "17 * * * *"
    """When the scheduler compares the answers of 100 users with a replay of their events; UTC."""

    # API process
    api_host: str = "127.0.0.1"
    api_port: Port = 8000
    operator_links: tuple[tuple[str, HttpUrl], ...] = ()
    """Other pages that the operator's page leads to: consoles, Spark UIs. JSON: a list of [name, address]."""
    auth: Authentication = Authentication.OFF
    """`off` only where nobody but this machine reaches the API: it does not start with another `api_host`."""
    jwt_key_file: Path | None = None
    """The public key (PEM or JWK) of whoever issues tokens; one of this and `jwt_jwks_url` with `auth=jwt`."""
    jwt_jwks_url: HttpUrl | None = None
    """Where the issuer publishes its keys."""
    jwt_issuer: str = "cinematch"
    """What `iss` of a token must be."""
    jwt_audience: str = "cinematch"
    """What `aud` of a token must be, or hold."""
    rate_limit_user_per_minute: PerMinute | None = None
    """Requests of one user; 0: without a limit; unset: 600 with `auth=jwt`, without a limit otherwise."""
    rate_limit_address_per_minute: PerMinute | None = None
    """Requests of one address, whoever sends them; unset: 3000 with `auth=jwt`, without a limit otherwise."""
    api_read_seconds: Seconds = 10.0
    """How long a client may take to send the head of a request, how long for its body, and how long to go on with an
    answer that waits for it."""
    api_connections_max: Annotated[int, Field(ge=1)] = 2_000
    """Connections at a time, all live streams among them; one more is told to come back later."""
    cors_origins: tuple[Origin, ...] = ()
    """Other sites whose pages may call the API with a token of their own. JSON."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks of proxies whose word about a client's address and scheme counts. JSON."""
    cinematch_token: SecretStr = SecretStr("")
    """The token that commands and the client send to the API."""

    # The embedded stack; unset means the user's own data and cache folders
    cinematch_cache_dir: Path | None = None
    cinematch_data_dir: Path | None = None

    # Every process
    metrics_host: str = "127.0.0.1"
    metrics_port: Port = 0
    """Where a process tells its metrics to whoever asks, 0 = nowhere; the API also does so on /metrics, by token."""
    log_level: str = "INFO"
    log_json: bool = False
    otel_exporter_otlp_endpoint: HttpUrl | None = None
    """A collector of OpenTelemetry; needs the extra `telemetry`."""
    trace_sample_ratio: Annotated[float, Field(ge=0, le=1)] | None = None
    """Of the traces that begin here; unset: all where there is a collector, else none."""

    def secrets(self) -> list[str]:
        """Give what nobody may see: the secret settings, and the passwords inside of addresses."""
        values = [(getattr(self, name), field) for name, field in type(self).model_fields.items()]
        hidden = [value.get_secret_value() for value, _ in values if isinstance(value, SecretStr)]
        passwords = [urlsplit(value).password for value, field in values if isinstance(value, str) and not field.repr]
        return [it for text in (*hidden, *filter(None, passwords)) for it in (text, unquote(text)) if it]

    @property
    def kafka(self) -> KafkaAccess:
        """Give what a client of Kafka needs."""
        return KafkaAccess(
            self.kafka_bootstrap_servers,
            self.kafka_security_protocol,
            self.kafka_sasl_mechanism,
            self.kafka_sasl_username,
            self.kafka_sasl_password,
            self.kafka_ca_file,
        )

    @property
    def topic_retentions(self) -> dict[str, int]:
        """Give how many days each of our topics keeps its records."""
        days = dict.fromkeys((self.events_topic, self.speed_deltas_topic), self.topic_retention_days)
        return days | {self.dead_letter_topic: self.dead_letter_retention_days}

    @model_validator(mode="after")
    def _kafka_user_is_complete(self) -> Self:
        if self.kafka.has_user and not (self.kafka_sasl_username and self.kafka_sasl_password.get_secret_value()):
            protocol = self.kafka_security_protocol.value
            raise ValueError(f"KAFKA_SECURITY_PROTOCOL={protocol} needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD")
        return self


def load_settings() -> Settings:
    """Read the environment as `read_environment` does; what nobody may see is masked in logs from now on."""
    settings = read_environment(Settings)
    hide_in_logs(settings.secrets())
    return settings


def read_environment(kind: type[AnySettings]) -> AnySettings:
    """Read the environment, and below it the files of SECRETS_DIR.

    Raises ConfigurationError, which names the variable and what would be right.
    """
    folder = os.environ.get(SECRETS_DIR_VARIABLE)
    if folder and not Path(folder).is_dir():
        raise ConfigurationError(f"{SECRETS_DIR_VARIABLE}: {folder!r} is wrong: there is no such folder")
    try:
        return kind(_secrets_dir=folder or None)
    except ValidationError as error:
        raise ConfigurationError(_sentence(error)) from None


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    if not first["loc"]:  # of several settings together: the sentence names them
        return first["msg"].removeprefix("Value error, ")
    name = str(first["loc"][0])
    value = f"{first['input']!r} is wrong: " if _may_be_shown(name) else ""
    return f"{name.upper()}: {value}{first['msg']}"


def _may_be_shown(name: str) -> bool:
    """Whether the setting can hold no secret."""
    field = Settings.model_fields.get(name)
    return field is not None and field.repr and SecretStr not in (field.annotation, *get_args(field.annotation))
