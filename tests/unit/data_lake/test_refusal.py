"""A partition goes on in the lake only where it is still the one that the lake has."""

from __future__ import annotations

import pytest

from cinematch.contracts.log_record import LogPartition
from data_lake.refusal import refusal

PLACE = LogPartition("log", 3)


@pytest.mark.parametrize("log_end", [10, 11])
def test_a_log_that_reaches_the_end_of_the_lake_goes_on(log_end: int) -> None:
    assert refusal(PLACE, lake_id="a", lake_end=10, topic_id="a", log_end=log_end) is None


def test_a_log_that_has_another_record_where_the_lake_ends_is_refused_however_long_it_is() -> None:
    reason = refusal(PLACE, lake_id="a", lake_end=10, topic_id="a", log_end=99, same_record=False)
    assert reason is not None
    assert "Kafka has lost its end, and has other records in its place" in reason


@pytest.mark.parametrize(
    ("topic_id", "log_end", "cause"), [("a", 9, "Kafka has lost its end"), ("b", 99, "created again")]
)
def test_another_log_is_refused_with_what_to_do(topic_id: str, log_end: int, cause: str) -> None:
    reason = refusal(PLACE, lake_id="a", lake_end=10, topic_id=topic_id, log_end=log_end)
    assert reason is not None
    assert cause in reason
    assert "EVENTS_TOPIC" in reason
