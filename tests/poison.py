"""Records that are no events: what every reader of the log must refuse, one by one, and go on."""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple

from cinematch.contracts.event_codec import encode
from tests.histories import add

MEGABYTE: Final = 1_000_000
ABSENT: Final = object()


class BadRecord(NamedTuple):
    """Key and value of a record, and what the contract says of it (a part of the reason)."""

    key: bytes | None
    value: bytes | None
    reason: str


def poison(user_id: str) -> list[BadRecord]:
    """Give bad records that look as if they were of this user, with sequences that the user may have reached."""
    event = encode(add(1, "poison", 7.5, user_id=user_id))
    key, padded = user_id.encode(), event[:-1] + b',"padding":"' + b"x" * MEGABYTE + b'"}'
    return [
        *(BadRecord(key, value, reason) for value, reason in _NO_JSON),
        BadRecord(key, event[: len(event) // 2], "not JSON"),
        BadRecord(key, event + event, "not JSON"),
        BadRecord(key, event.decode().encode("utf-16"), "not JSON"),
        BadRecord(key, padded, "the limit is"),
        *(BadRecord(key, _changed(event, field, value), reason) for field, value, reason in _WRONG_FIELDS),
        *(BadRecord(other, event, "key is not its user_id") for other in (None, b"", b"somebody", b"\xff", key + b" ")),
    ]


_NO_JSON: Final = (
    (None, "is empty"),
    (b"", "is empty"),
    (b"{", "not JSON"),
    (b"\xff{", "not JSON"),
    (b"NaN", "not JSON"),
    (b"[" * 50_000, "not JSON"),
    (b"null", "not a JSON object"),
    (b"[1, 2]", "not a JSON object"),
    (b'"text"', "not a JSON object"),
    (b"{}", "schema_version"),
)
_WRONG_FIELDS: Final[tuple[tuple[str, Any, str], ...]] = (
    *(("schema_version", version, "schema_version") for version in (2, 99, 0, "1", 1.0, True, None, ABSENT)),
    *(("sequence", number, "sequence") for number in (0, -1, 1.5, "1", 2**53, 10**30, None, True, [1], ABSENT)),
    *(("user_id", name, "user_id") for name in ("", "x" * 129, 7, None, ["u"], "a\u0000b", ABSENT)),
    *(("movie_id", name, "movie_id") for name in ("", "x" * 129, 7, None, "a\nb", ABSENT)),
    *(("movie_name", title, "movie_name") for title in ("x" * 1_001, 7, None, {"$gt": ""}, ABSENT)),
    *(("genres", genres, "genres") for genres in ("Drama", None, [1], [""], ["g"] * 65, {"0": "Drama"}, ABSENT)),
    *(("rating", rating, "rating") for rating in (0.4, 10.5, 7.25, "7.5", True, [7.5], 1e308)),
    *(("event_type", kind, "event_type") for kind in ("DROP", "add", 1, None, ABSENT)),
    *(
        ("event_time", time, "event_time")
        for time in ("yesterday", "2026-01-19T14:10:00", None, "1492-10-12T00:00:00Z")
    ),
    *(("event_id", name, "event_id") for name in ("", "no-uuid", 7, None, ABSENT)),
    ("previous_rating", 5.0, "previous_rating must be null for ADD"),
)


def _changed(event: bytes, field: str, value: object) -> bytes:
    document = json.loads(event)
    if value is ABSENT:
        del document[field]
    else:
        document[field] = value
    return json.dumps(document).encode()


def key_of(value: bytes | None) -> bytes:
    """Give the key under which the log has such a value: its user, or any for what names none."""
    try:
        return str(json.loads(value or b"")["user_id"]).encode()
    except (ValueError, KeyError, TypeError, RecursionError):
        return b"key"
