"""How our clients of Kafka connect: TLS, user and password, in the driver's own words."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from typing import Any, Final

from kafka.errors import AuthorizationError, KafkaError, KafkaTimeoutError, SaslAuthenticationFailedError

from cinematch.adapters.kafka_header_names import read_any_name
from cinematch.adapters.store_access import StoreAccess, told
from cinematch.errors import AccessRefused, StoreUnavailable
from cinematch.settings import KafkaAccess, KafkaProtocol

Brokers = str | KafkaAccess
"""Where brokers are; plain addresses mean neither TLS nor a password."""
STORE: Final = StoreAccess("kafka", user="KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD", ca_file="KAFKA_CA_FILE")
PROBE_SECONDS: Final = 2.0
NOT_LET_IN: Final = "it takes connections but does not let us in: most likely it does not accept this user and password"
_NO_ENTRY: Final = (AuthorizationError, SaslAuthenticationFailedError)
_WITH_TLS: Final = (KafkaProtocol.SSL, KafkaProtocol.SASL_SSL)

read_any_name()


def connection(brokers: Brokers) -> dict[str, Any]:
    """Give the options by which the driver's clients connect.

    Raises AccessRefused when no authority that we trust has signed a broker's certificate: the driver would try again
    until its time is up, and not say why. Raises StoreUnavailable for a file of no certificates.
    """
    access = brokers if isinstance(brokers, KafkaAccess) else KafkaAccess(brokers)
    return {
        "bootstrap_servers": access.bootstrap_servers,
        "security_protocol": access.protocol.value,
        **_certificates(access),
        **_user(access),
    }


def unavailable(error: KafkaError, brokers: Brokers | None = None) -> StoreUnavailable:
    """Give what an error of the driver means to us; `brokers` when it may be one of connecting."""
    asked = brokers if isinstance(brokers, KafkaAccess) and brokers.has_user else None
    if asked and isinstance(error, KafkaTimeoutError) and _accept_connections(asked):
        # The driver drops an answer that comes together with the end of the connection, as that of a refusal does.
        return AccessRefused(STORE.name, NOT_LET_IN, STORE.user)
    return told(STORE, error, access_refused=isinstance(error, _NO_ENTRY))


def _certificates(access: KafkaAccess) -> dict[str, Any]:
    if access.protocol not in _WITH_TLS:
        return {}
    try:
        context = ssl.create_default_context(cafile=access.ca_file)
    except ssl.SSLError:
        raise StoreUnavailable("kafka", f"KAFKA_CA_FILE: {access.ca_file} holds no certificates") from None
    for host, port in _addresses(access):
        _shake_hands(context, host, port)
    return {"ssl_context": context}


def _addresses(access: KafkaAccess) -> list[tuple[str, int]]:
    found = (address.strip().rpartition(":") for address in access.bootstrap_servers.split(","))
    return [(host.strip("[]"), int(port)) for host, _, port in found]


def _accept_connections(access: KafkaAccess) -> bool:
    for host, port in _addresses(access):
        with suppress(OSError), socket.create_connection((host, port), PROBE_SECONDS):
            return True
    return False


def _shake_hands(context: ssl.SSLContext, host: str, port: int) -> None:
    """Look at a broker's certificate; one that is away says nothing."""
    try:
        with (
            suppress(TimeoutError, ConnectionError, socket.gaierror),
            socket.create_connection((host, port), PROBE_SECONDS) as plain,
        ):
            context.wrap_socket(plain, server_hostname=host).close()
    except ssl.SSLCertVerificationError as error:
        raise told(STORE, error, access_refused=False) from None
    except ssl.SSLError as error:
        raise StoreUnavailable("kafka", f"{host}:{port} does not speak TLS as we do: {error.reason}") from None


def _user(access: KafkaAccess) -> dict[str, Any]:
    if not access.has_user:
        return {}
    return {
        "sasl_mechanism": access.mechanism.value,
        "sasl_plain_username": access.username,
        "sasl_plain_password": access.password.get_secret_value(),
    }
