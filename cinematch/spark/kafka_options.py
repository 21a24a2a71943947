"""How Spark's sources and sinks reach Kafka: what `adapters.kafka_connection` is for our own clients."""

from __future__ import annotations

from typing import Final

from cinematch.settings import KafkaAccess, SaslMechanism

_LOGIN_MODULES: Final = {
    SaslMechanism.PLAIN: "org.apache.kafka.common.security.plain.PlainLoginModule",
    SaslMechanism.SCRAM_SHA_256: "org.apache.kafka.common.security.scram.ScramLoginModule",
    SaslMechanism.SCRAM_SHA_512: "org.apache.kafka.common.security.scram.ScramLoginModule",
}


def kafka_options(access: KafkaAccess) -> dict[str, str]:
    """Give the options of a source or sink. They hold the password: Spark hides options of this name in its plans."""
    options = {
        "kafka.bootstrap.servers": access.bootstrap_servers,
        "kafka.security.protocol": access.protocol.value,
    }
    if access.ca_file is not None:
        options |= {"kafka.ssl.truststore.type": "PEM", "kafka.ssl.truststore.location": str(access.ca_file)}
    if access.has_user:
        options |= {"kafka.sasl.mechanism": access.mechanism.value, "kafka.sasl.jaas.config": _login(access)}
    return options


def _login(access: KafkaAccess) -> str:
    user, password = _quoted(access.username), _quoted(access.password.get_secret_value())
    return f"{_LOGIN_MODULES[access.mechanism]} required username={user} password={password};"


def _quoted(text: str) -> str:
    """Write a text between quotes as JAAS reads it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
