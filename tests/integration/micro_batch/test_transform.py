"""What each stream takes from parsed rows."""

from __future__ import annotations

from collections import defaultdict

import pytest
from pyspark.sql import SparkSession
from pyspark.sql.functions import spark_partition_id

from cinematch.contracts.event_codec import encode, from_document
from cinematch.spark.kafka_source import RECORD_COLUMNS, parsed
from micro_batch.transform import trend_events, user_requests
from tests.histories import add

pytestmark = [pytest.mark.integration, pytest.mark.spark]
EVENTS = [add(sequence, "m", user_id=f"user-{n}") for n in range(20) for sequence in (1, 2)]


def test_a_user_stays_in_one_partition_and_only_rejected_records_keep_their_bytes(spark: SparkSession) -> None:
    keyed = [(event.user_id, encode(event)) for event in EVENTS] + [(f"poisoner {n}", b"poison") for n in range(8)]
    records = [("topic", 0, offset, key.encode(), value, None) for offset, (key, value) in enumerate(keyed)]
    rows = parsed(spark.createDataFrame(records, RECORD_COLUMNS).repartition(6, "key"))  # as the log is

    requests = user_requests(rows, 2).withColumn("place", spark_partition_id()).toArrow().to_pylist()

    places: dict[str | None, set[int]] = defaultdict(set)
    for row in requests:
        places[row["user_id"]].add(row["place"])
    rejected = places.pop(None)
    assert len(requests) == 48
    assert {len(place) for place in places.values()} == {1}
    assert set().union(*places.values()) == rejected == {0, 1}
    assert {row["value"] for row in requests} == {None, b"poison"}

    counted = trend_events(rows).toArrow().to_pylist()
    found = sorted((from_document(row) for row in counted), key=lambda event: (int(event.user_id[5:]), event.sequence))
    assert found == EVENTS
