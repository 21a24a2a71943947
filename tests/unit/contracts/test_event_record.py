"""Every reader of the log refuses the same records, for the same reasons."""

from __future__ import annotations

import pytest

from cinematch.contracts.event_codec import encode
from cinematch.contracts.event_record import read_event
from cinematch.contracts.log_record import LogPartition, LogRecord
from cinematch.errors import InvalidEvent
from data_lake.tables import EventsTable
from speed_layer.applier import Arrival, sort_out
from tests.histories import add
from tests.poison import BadRecord, poison

PLACE = LogPartition("events", 0)
USER = "Zoë 🎬"


@pytest.mark.parametrize(
    "bad", poison(USER), ids=lambda bad: f"{bad.key!r} {(bad.value or b'')[-60:]!r} {bad.reason}"[:99]
)
def test_a_bad_record_is_refused_with_a_reason_and_everywhere(bad: BadRecord) -> None:
    with pytest.raises(InvalidEvent, match=bad.reason):
        read_event(bad.key, bad.value)
    record = LogRecord(PLACE, 7, None, bad.key, bad.value)
    events, letters = sort_out([Arrival(record)])
    encoded = EventsTable().encode([record])
    assert (events, encoded.table.num_rows) == ({}, 0)
    for letter in (*letters, *encoded.rejected):
        assert (letter.identity, letter.value) == ("events/0/7", bad.value)
        assert bad.reason in letter.reason
    assert len(letters) == len(encoded.rejected) == 1


def test_an_event_under_its_users_key_is_read() -> None:
    event = add(3, "m", 7.5, user_id=USER)
    assert read_event(USER.encode(), encode(event)) == event
