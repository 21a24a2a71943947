"""Makes sure that Kafka topics exist."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from cinematch.adapters.kafka_connection import Brokers, connection, unavailable

TIMEOUT_MS: Final = 5_000


def ensure_topics(brokers: Brokers, topics: Mapping[str, int]) -> None:
    """Create each topic that is missing with its number of partitions; existing ones stay as they are.

    Returns when every partition has a leader. Raises StoreUnavailable when the broker does not answer in time.
    """
    try:
        client = KafkaAdminClient(**connection(brokers), request_timeout_ms=TIMEOUT_MS, bootstrap_timeout_ms=TIMEOUT_MS)
    except KafkaError as error:
        raise unavailable(error, brokers) from error
    try:
        existing = client.list_topics()
        missing = {name: {"num_partitions": count} for name, count in topics.items() if name not in existing}
        if missing:
            client.create_topics(missing, timeout_ms=TIMEOUT_MS, wait_for_metadata=True)
    except KafkaError as error:
        raise unavailable(error) from error
    finally:
        client.close()
