"""The field that a reason blames: one of a few names, whatever the reason says."""

from __future__ import annotations

import pytest

from cinematch.contracts.dead_letter import WHOLE, blamed
from cinematch.contracts.event_codec import decode, encode
from cinematch.errors import InvalidEvent
from tests.histories import add

EVENT = encode(add(1, "m", 7.5))


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (b"", WHOLE),
        (b"{", WHOLE),
        (b"x" * 70_000, WHOLE),
        (EVENT.replace(b'"schema_version":1', b'"schema_version":2'), "schema_version"),
        (EVENT.replace(b'"rating":7.5', b'"rating":77'), "rating"),
        (EVENT.replace(b'"sequence":1', b'"sequence":0'), "sequence"),
        (encode(add(1, "m", genres=("",))), "genres"),
        (EVENT.replace(b'"event_id":"', b'"event_id":"x'), "event_id"),
    ],
)
def test_a_reason_blames_a_field_or_the_whole(value: bytes, field: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        decode(value)
    assert blamed(refused.value.reason) == field


@pytest.mark.parametrize("reason", ["", "anything at all", "user", "traceparent: no part of an event", "\xff"])
def test_a_reason_of_others_blames_the_whole(reason: str) -> None:
    assert blamed(reason) == WHOLE
