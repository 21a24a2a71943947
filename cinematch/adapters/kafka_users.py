"""Users of Kafka (SCRAM), and what each of them may do (ACLs)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    KafkaAdminClient,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
    UserScramCredentialUpsertion,
)
from kafka.errors import KafkaError

from cinematch.adapters.kafka_connection import Brokers, connection, unavailable
from cinematch.contracts.privileges import Grants, Privileges
from cinematch.errors import StoreUnavailable
from cinematch.settings import SaslMechanism

TIMEOUT_MS: Final = 10_000
ITERATIONS: Final = 8_192
FROM_ANYWHERE: Final = "*"


class KafkaUsers:
    """The users of one cluster, seen by an administrator. Every call raises StoreUnavailable."""

    def __init__(self, brokers: Brokers, mechanism: SaslMechanism) -> None:
        self._brokers = brokers
        self._mechanism = mechanism

    def put(self, layer: Privileges, password: str) -> None:
        """Make a user, or bring it up to date, password included; what it may do no longer is taken from it."""
        with self._connected() as admin:
            _put_rules(admin, layer)
            credentials = UserScramCredentialUpsertion(layer.user, self._mechanism.value, password, ITERATIONS)
            reason = admin.alter_user_scram_credentials([credentials])[layer.user]
            if reason is not None:
                raise StoreUnavailable("kafka", f"the user {layer.user} cannot be made: {reason}")

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        try:
            admin = KafkaAdminClient(
                **connection(self._brokers), request_timeout_ms=TIMEOUT_MS, bootstrap_timeout_ms=TIMEOUT_MS
            )
        except KafkaError as error:
            raise unavailable(error, self._brokers) from error
        try:
            yield admin
        except KafkaError as error:
            raise unavailable(error) from error
        finally:
            admin.close()


def _put_rules(admin: Any, layer: Privileges) -> None:
    wanted = set(_rules(layer))
    stored = set(admin.describe_acls(_all_of(layer))[0])
    if missing := list(wanted - stored):
        for failure in admin.create_acls(missing)["failed"]:
            raise failure
    if surplus := [_exactly(rule) for rule in stored - wanted]:
        admin.delete_acls(surplus)


def _rules(layer: Privileges) -> Iterator[ACL]:
    for kind, grants in ((ResourceType.TOPIC, layer.topics), (ResourceType.GROUP, layer.groups)):
        yield from _rules_of(kind, grants, layer.user)


def _rules_of(kind: ResourceType, grants: Grants, user: str) -> Iterator[ACL]:
    for name, operations in grants.items():
        for operation in operations:
            allowed = (ACLOperation[operation], ACLPermissionType.ALLOW)
            yield ACL(f"User:{user}", FROM_ANYWHERE, *allowed, ResourcePattern(kind, name))


def _all_of(layer: Privileges) -> ACLFilter:
    everything = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)
    return ACLFilter(f"User:{layer.user}", None, ACLOperation.ANY, ACLPermissionType.ANY, everything)


def _exactly(rule: ACL) -> ACLFilter:
    return ACLFilter(rule.principal, rule.host, rule.operation, rule.permission_type, rule.resource_pattern)
