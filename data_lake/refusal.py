"""Whether Kafka's partition is still the one that the lake has: if not, the sink refuses it. Pure."""

from __future__ import annotations

from typing import Final

from cinematch.contracts.log_record import LogPartition

HOW_TO: Final = "docs/how-to/topic-created-again.md"


def refusal(
    place: LogPartition, *, lake_id: str, lake_end: int, topic_id: str, log_end: int, same_record: bool = True
) -> str | None:
    """Say why a partition cannot go on in the lake, and what to do; None when it can.

    `lake_end` is the offset at which the lake ends, of the topic with Kafka's id `lake_id`; `log_end` and `topic_id`
    are what Kafka says now; `same_record` (see `continuity`) is whether it has the lake's last record.
    """
    if topic_id == lake_id and lake_end <= log_end and same_record:
        return None
    cause = "Kafka has lost its end" if topic_id == lake_id else "the topic was deleted and created again"
    if topic_id == lake_id and lake_end <= log_end:
        cause += ", and has other records in its place"
    return (
        f"{place}: refused since {cause} (the lake ends at offset {lake_end}, Kafka at {log_end}): "
        f"nothing of it enters the lake until EVENTS_TOPIC (or DEAD_LETTER_TOPIC) names a new topic, see {HOW_TO}"
    )
