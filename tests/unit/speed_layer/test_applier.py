"""Records become events by user, or letters; deltas carry where they come from."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from cinematch.contracts import dead_letter
from cinematch.contracts.dead_letter import CARRIED_BYTES, CARRIED_KEY_BYTES, DeadLetter
from cinematch.contracts.event_codec import encode
from cinematch.contracts.log_record import Headers, LogPartition, LogRecord
from cinematch.contracts.speed_delta import REASON_MOST_CHARACTERS
from cinematch.tracing import TRACEPARENT
from speed_layer.applier import Applier, Arrival, sort_out
from speed_layer.delta_consumer import arrival
from tests.histories import add
from tests.poison import key_of
from tests.twins.memory_speed_view import MemorySpeedView

LOG = LogPartition("events.of-users", 3)
DELTAS = LogPartition("deltas", 0)
SAMPLED = b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01"


class Letters(list[DeadLetter]):
    """Letters in memory."""

    def publish(self, letters: Iterable[DeadLetter]) -> None:
        self.extend(letters)


def record(offset: int, value: bytes | None) -> Arrival:
    return Arrival(LogRecord(LOG, offset, None, key_of(value), value))


def test_events_are_grouped_by_user_in_the_order_of_the_log() -> None:
    log = [
        add(1, "a", user_id="ann"),
        add(1, "a", user_id="bob"),
        add(2, "b", user_id="ann"),
        add(1, "a", user_id="ann"),
    ]
    events, letters = sort_out(record(offset, encode(event)) for offset, event in enumerate(log))
    assert events == {"ann": [log[0], log[2], log[3]], "bob": [log[1]]}
    assert letters == []


def test_what_is_no_event_becomes_a_letter_and_the_rest_goes_on() -> None:
    letters, view = Letters(), MemorySpeedView()
    arrivals = [record(0, encode(add(1, "a"))), record(1, b"{"), record(2, None), record(3, encode(add(2, "b")))]
    assert Applier(view, letters).apply(arrivals) == ["user"]
    assert [(letter.identity, letter.layer, letter.value) for letter in letters] == [
        ("events.of-users/3/1", "speed_layer", b"{"),
        ("events.of-users/3/2", "speed_layer", None),
    ]
    assert view.boundaries(["user"]) == {"user": (0, 2)}


def test_a_verdict_of_the_screening_stands() -> None:
    events, letters = sort_out([record(0, encode(add(1, "a")))._replace(reason="too large")])
    assert events == {}
    assert [letter.reason for letter in letters] == ["too large"]


def test_gaps_and_views_just_begun_are_reported() -> None:
    """Of a new view nobody here knows whether it begins where it should, or is one of an erased user."""
    view = MemorySpeedView()
    applier = Applier(view, Letters())
    logs = {"whole": [1, 2], "gap": [1, 3], "middle": [5], "repeated": [1, 1]}
    arrivals = [record(0, encode(add(number, f"m{number}", user_id=user))) for user in logs for number in logs[user]]
    assert applier.apply(arrivals) == ["whole", "gap", "middle", "repeated"]
    assert applier.apply([record(0, encode(add(6, "m6", user_id="middle")))]) == []


def test_a_delta_leads_back_to_its_record() -> None:
    headers: tuple[tuple[str, bytes | None], ...] = (("origin", b"events.of-users/3/12"), ("reason", None))
    delta = LogRecord(DELTAS, 99, None, b"key", b"value", headers)
    assert arrival(delta) == Arrival(LogRecord(LOG, 12, None, b"key", b"value"))
    rejected = LogRecord(DELTAS, 99, None, b"key", b"", (headers[0], ("reason", b"empty")))
    assert arrival(rejected).reason == "empty"


@pytest.mark.parametrize("origin", [None, b"", b"log/1", b"log/one/2", b"\xff/1/2", b"log/1/-2", b"x" * 250 + b"/1/2"])
def test_a_delta_without_an_origin_is_refused_under_its_own_place(origin: bytes | None) -> None:
    delta = LogRecord(LogPartition("deltas", 3), 7, None, b"key", encode(add(1, "a")), (("origin", origin),))
    refused = arrival(delta)
    assert refused.record == delta
    assert refused.reason is not None
    assert "origin" in refused.reason


@pytest.mark.parametrize("headers", [(), (("origin", b"events/0/12"), ("reason", b"anybody's"))])
def test_an_event_of_a_sampled_trace_that_is_refused_is_a_letter_and_nothing_else(headers: Headers) -> None:
    """Whatever the value is: nothing of it was applied, so there is no outcome to tell of."""
    letters = Letters()
    delta = LogRecord(DELTAS, 7, None, b"user", encode(add(1, "a")), (*headers, (TRACEPARENT, SAMPLED)))
    assert Applier(MemorySpeedView(), letters).apply([arrival(delta)]) == []
    assert len(letters) == 1


@pytest.mark.parametrize("written", [b"\xff\xfe", b"x" * 900_000, "\N{GRINNING FACE}".encode() * 200_000])
def test_whatever_somebody_wrote_as_a_reason_gives_a_letter_of_one_message(written: bytes) -> None:
    letters = Letters()
    headers = (("origin", b"x" * 249 + b"/0/12"), ("reason", written))
    delta = LogRecord(DELTAS, 7, None, b"k" * CARRIED_KEY_BYTES, b"v" * CARRIED_BYTES, headers)
    assert Applier(MemorySpeedView(), letters).apply([arrival(delta)]) == []
    (letter,) = letters
    assert letter.reason == written.decode(errors="replace")[:REASON_MOST_CHARACTERS]
    assert len(dead_letter.encode(letter)) + len(letter.identity) < 2**20 - 1_000  # and what Kafka adds
