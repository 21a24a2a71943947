"""A user of Kafka who may not change a topic, or not even ask: the layer works on, and the log tells."""

from __future__ import annotations

from typing import Any, cast

import pytest
from kafka.admin import KafkaAdminClient
from structlog.testing import capture_logs

from cinematch.adapters.kafka_topics import RETENTION, _bring_up_to_date

WANTED = {"films": {RETENTION: "7"}}


class Refusing:
    """The driver's client of such a user: it raises nothing, and tells no configuration, or that a change failed."""

    def __init__(self, found: dict[str, Any]) -> None:
        self._found = found
        self.asked_for_change = False

    def describe_configs(self, _resources: Any, config_filter: str) -> dict[str, Any]:
        return {"topic": {"films": self._found}}

    def alter_configs(self, _resources: Any) -> dict[str, Any]:
        self.asked_for_change = True
        return {"topic": {"films": "[Error 29] TopicAuthorizationFailedError"}}


@pytest.mark.parametrize(
    ("found", "asks", "level"),
    [
        ({}, False, "info"),
        ({RETENTION: {"value": "8"}}, True, "warning"),
    ],
)
def test_who_may_not_change_a_topic_leaves_it(found: dict[str, Any], asks: bool, level: str) -> None:
    client = Refusing(found)
    with capture_logs() as told:
        _bring_up_to_date(cast(KafkaAdminClient, client), WANTED)
    assert client.asked_for_change == asks
    assert [(line["log_level"], line["topic"]) for line in told] == [(level, "films")]


def test_what_is_right_already_is_not_touched() -> None:
    client = Refusing({RETENTION: {"value": "7"}})
    with capture_logs() as told:
        _bring_up_to_date(cast(KafkaAdminClient, client), WANTED)
    assert (client.asked_for_change, told) == (False, [])
