"""Makes sure that Kafka topics exist, and keep their records for as long as they should."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import KafkaError

from cinematch.adapters.kafka_connection import Brokers, connection, unavailable
from cinematch.telemetry import get_logger

TIMEOUT_MS: Final = 5_000
RETENTION: Final = "retention.ms"
DAY_MS: Final = 86_400_000
BROKERS_CHOICE: Final[Mapping[str, int]] = MappingProxyType({})
"""No retention of their own: the brokers' own for every topic."""
_DONE: Final = "OK"
_log = get_logger(__name__)


def ensure_topics(
    brokers: Brokers, topics: Mapping[str, int], retention_days: Mapping[str, int] = BROKERS_CHOICE
) -> None:
    """Create each topic that is missing with its number of partitions, and give each its retention, also later.

    Of existing ones nothing else is changed. Who may not change a topic leaves that to who may, and says so in the log.
    Returns when every partition has a leader. Raises StoreUnavailable when the broker does not answer in time.
    """
    try:
        client = KafkaAdminClient(**connection(brokers), request_timeout_ms=TIMEOUT_MS, bootstrap_timeout_ms=TIMEOUT_MS)
    except KafkaError as error:
        raise unavailable(error, brokers) from error
    wanted = {name: {RETENTION: str(days * DAY_MS)} for name, days in retention_days.items() if name in topics}
    try:
        existing = client.list_topics()
        missing = {
            name: {"num_partitions": count, "configs": wanted.get(name, {})}
            for name, count in topics.items()
            if name not in existing
        }
        if missing:
            client.create_topics(missing, timeout_ms=TIMEOUT_MS, wait_for_metadata=True)
        _bring_up_to_date(client, {name: it for name, it in wanted.items() if name in existing})
    except KafkaError as error:
        raise unavailable(error) from error
    finally:
        client.close()


def _bring_up_to_date(client: KafkaAdminClient, wanted: Mapping[str, dict[str, str]]) -> None:
    """Change what differs, where we may. Raises KafkaError."""
    for name, configuration in wanted.items():
        asked = ConfigResource(ConfigResourceType.TOPIC, name, dict.fromkeys(configuration))
        found = client.describe_configs([asked], config_filter="all")["topic"][name]
        if RETENTION not in found:  # so the driver tells that we may not even ask
            _log.info("the retention of a topic is not ours to know", topic=name)
        elif found[RETENTION]["value"] != configuration[RETENTION]:
            changed = ConfigResource(ConfigResourceType.TOPIC, name, configuration)
            answer = client.alter_configs([changed])["topic"][name]
            _tell(name, configuration[RETENTION], answer)


def _tell(topic: str, milliseconds: str, answer: str) -> None:
    if answer == _DONE:
        _log.info("a topic has another retention now", topic=topic, milliseconds=milliseconds)
    else:
        _log.warning("a topic keeps another retention", topic=topic, wanted_milliseconds=milliseconds, reason=answer)
