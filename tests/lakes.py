"""Puts events into a real lake without Kafka and without a sink, chained as a sink would chain them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cinematch.adapters import s3_objects
from cinematch.adapters.s3_lake_folder import LakeFolder
from cinematch.contracts.lake_file import encode_file
from cinematch.contracts.lake_manifest import LakeObject
from cinematch.contracts.lake_paths import EVENTS_FOLDER, ObjectName, day_of
from cinematch.contracts.lake_schema import KafkaPlace, to_table
from cinematch.contracts.log_record import LogPartition
from cinematch.domain.events import Event
from cinematch.settings import Settings


def store_events(
    settings: Settings, events: Sequence[Event], partition: int = 0, kafka_time: datetime | None = None
) -> str:
    """Append one object with these events to the partition's chain; gives its key.

    Kafka's timestamps are the events' own times unless `kafka_time` is given. A user belongs into one partition.
    """
    folder = LakeFolder(s3_objects.connect(settings), EVENTS_FOLDER)
    place = LogPartition(settings.events_topic, partition)
    last = folder.last_links().get(place)
    first = last.next_offset if last else 0
    places = [KafkaPlace(partition, first + n, kafka_time or event.event_time) for n, event in enumerate(events)]
    link, body = encode_file(to_table(zip(events, places, strict=True)), _link(place, first, places))
    folder.append(link, body)
    return link.key


def _link(place: LogPartition, first: int, places: Sequence[KafkaPlace]) -> LakeObject:
    day = max(day_of(it.timestamp) for it in places)
    return LakeObject(
        key=ObjectName(EVENTS_FOLDER, place, day, first).key,
        topic=place.topic,
        topic_id="without-kafka",
        partition=place.partition,
        day=day,
        first_offset=first,
        next_offset=first + len(places),
        rows=len(places),
    )
