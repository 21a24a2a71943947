"""The event on the wire: what was written is read back; what is no event is refused with a reason."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cinematch.contracts import event_codec
from cinematch.contracts.event_codec import MAX_EVENT_BYTES, decode, encode, from_document, to_document
from cinematch.errors import InvalidEvent
from tests.histories import add
from tests.strategies import History, histories


@given(histories(length=15))
def test_decode_gives_back_what_encode_wrote(history: History) -> None:
    assert [decode(encode(event)) for event in history.events] == history.events
    assert [from_document(to_document(event)) for event in history.events] == history.events


def fields(**changes: Any) -> bytes:
    document = json.loads(encode(add(1, "a", 7.5))) | changes
    return json.dumps({key: value for key, value in document.items() if value != "ABSENT"}).encode()


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", "empty"),
        (None, "empty"),
        (b"\xff\xfe", "not JSON"),
        (b"{", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"NaN", "not JSON"),
        (b" " * (MAX_EVENT_BYTES + 1), "limit"),
        (fields(schema_version=2), "schema_version"),
        (fields(schema_version="1"), "schema_version"),
        (fields(schema_version=True), "schema_version"),
        (fields(schema_version="ABSENT"), "schema_version"),
        (fields(event_id="x"), "event_id"),
        (fields(event_type="add"), "event_type"),
        (fields(user_id=""), "user_id"),
        (fields(user_id="x" * 129), "user_id"),
        (fields(user_id=7), "user_id"),
        (fields(user_id={"$gt": ""}), "user_id"),
        (fields(user_id="a\x00b"), "user_id"),
        (fields(movie_id=None), "movie_id"),
        (fields(movie_name=None), "movie_name"),
        (fields(genres="Drama"), "genres"),
        (fields(genres=[""]), "genres"),
        (fields(rating=0.4), "rating"),
        (fields(rating=10.1), "rating"),
        (fields(rating=7.55), "rating"),
        (fields(rating="7"), "rating"),
        (fields(rating=True), "rating"),
        (fields(previous_rating=5.0), "previous_rating"),
        (fields(event_type="DELETE", rating=5.0), "rating"),
        (fields(sequence=0), "sequence"),
        (fields(sequence=1.5), "sequence"),
        (fields(sequence="1"), "sequence"),
        (fields(sequence=2**53), "sequence"),
        (fields(event_time="2026-01-01"), "event_time"),
        (fields(event_time="2026-01-01T00:00:00"), "event_time"),
        (fields(event_time=1), "event_time"),
        (fields(watched_at="yesterday"), "watched_at"),
        (fields(event_time="0001-01-01T00:00:00+05:00"), "event_time"),
        (fields(watched_at="9999-12-31T23:59:59-05:00"), "watched_at"),
        (fields(added_at="1677-01-01T00:00:00Z"), "added_at"),
    ],
)
def test_what_is_no_event_is_refused_with_a_reason(message: bytes | None, reason: str) -> None:
    with pytest.raises(InvalidEvent, match=reason):
        decode(message)


def test_fields_of_the_future_are_ignored_and_optional_ones_may_lack() -> None:
    event = decode(fields(mood="good", watched_at="ABSENT", added_at=None))
    assert event.watched_at is event.added_at is None


ODD_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 11),
    st.floats(-1, 11).map(lambda number: round(number, 2)),
    st.sampled_from(
        [0.5, 7.5, 10.0, 2**53, "", "a", "ab\x7f", "ADD", "DELETE", [], ["a"], [7], ["a"] * 65, {}, "a" * 129]
    ),
    st.sampled_from(["2026-01-01T00:00:00.000Z", "2026-02-30T00:00:00.000Z", "2026-01-01T24:00:00.000Z"]),
    st.sampled_from(["2026-01-01T00:00:60.000Z", "1677-01-01T00:00:00.000Z", "2026-01-01T01:00:00.000+01:00"]),
    st.sampled_from(["0190b6d0-0000-7000-8000-000000000000", "0190B6D0-0000-7000-8000-000000000000", "0190b6d0"]),
    st.text(max_size=3),
)


@given(st.dictionaries(st.sampled_from(sorted(json.loads(fields()))), ODD_VALUES, max_size=3))
def test_what_is_read_fast_is_read_as_the_whole_contract_reads_it(odd: dict[str, Any]) -> None:
    message = fields(**(odd | {"schema_version": 1}))
    try:
        expected: object = event_codec._judged(message)
    except InvalidEvent as refusal:
        expected = refusal.reason
    try:
        found: object = decode(message)
    except InvalidEvent as refusal:
        found = refusal.reason
    assert found == expected


@given(histories(length=5))
def test_what_we_write_is_read_fast(history: History) -> None:
    assert [event_codec._plain(json.loads(encode(event))) for event in history.events] == history.events


@given(st.binary(max_size=300))
def test_any_bytes_are_an_event_or_refused(message: bytes) -> None:
    with suppress(InvalidEvent):
        decode(message)


def test_a_reason_never_repeats_the_payload() -> None:
    with pytest.raises(InvalidEvent) as refusal:
        decode(fields(user_id="secret" * 100))
    assert "secret" not in refusal.value.reason
