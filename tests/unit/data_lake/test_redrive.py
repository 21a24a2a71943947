"""What is published again reaches every view, or is refused before anything is written."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cinematch.contracts.dead_letter import DeadLetter
from cinematch.contracts.event_codec import encode
from data_lake.dead_letters import CannotRedrive, DeadLetterBox, RejectedRecord
from tests.histories import add

NOTHING: Any = None  # neither Kafka nor S3 may be asked


@pytest.mark.parametrize("topic", ["user-speed-deltas", "events.dead-letter", "events-before"])
def test_a_record_of_a_topic_that_not_every_view_hears_is_refused(topic: str) -> None:
    """A delta has headers besides, so its copy would be refused again; and it is a copy of an event of the log."""
    letter = DeadLetter("no origin", "speed_layer", topic, 0, 7, b"user", encode(add(1, "a")), datetime.now(UTC))
    box = DeadLetterBox(NOTHING, NOTHING, NOTHING, NOTHING, "events")
    with pytest.raises(CannotRedrive, match=r"only records of events reach every view.* `cinematch speed rebuild`"):
        box.redrive(RejectedRecord(letter, ("speed_layer",)))
