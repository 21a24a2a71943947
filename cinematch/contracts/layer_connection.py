"""How a layer connects as its own user: the settings that make it so, of the stores that it uses and of no other."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urlsplit

from cinematch.contracts.privileges import Privileges
from cinematch.settings import KafkaProtocol, SaslMechanism, Settings

MECHANISM: Final = SaslMechanism.SCRAM_SHA_512
"""How layers prove to Kafka who they are."""
_WITH_USER: Final = {KafkaProtocol.PLAINTEXT: KafkaProtocol.SASL_PLAINTEXT, KafkaProtocol.SSL: KafkaProtocol.SASL_SSL}


def layer_connection(layer: Privileges, password: str, settings: Settings) -> dict[str, str]:
    """Give variable -> value; the servers are those of `settings`, whoever these let in."""
    connection: dict[str, str] = {}
    if layer.uses_kafka:
        protocol = settings.kafka_security_protocol
        connection |= {
            "KAFKA_SECURITY_PROTOCOL": _WITH_USER.get(protocol, protocol).value,
            "KAFKA_SASL_MECHANISM": MECHANISM.value,
            "KAFKA_SASL_USERNAME": layer.user,
            "KAFKA_SASL_PASSWORD": password,
        }
    if layer.mongodb:
        connection["MONGODB_URL"] = _with_user(settings.mongodb_url, layer.user, password)
    if layer.redis:
        connection["REDIS_URL"] = _with_user(settings.redis_url, layer.user, password)
    if layer.s3:
        connection |= {"S3_ACCESS_KEY_ID": layer.user, "S3_SECRET_ACCESS_KEY": password}
    return connection


def _with_user(address: str, user: str, password: str) -> str:
    """Put a user into an address; where a user of MongoDB is kept need not be said, for it is the usual place."""
    parts = urlsplit(address)
    hosts = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{hosts}").geturl()
