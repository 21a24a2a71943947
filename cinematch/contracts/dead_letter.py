"""The dead letter: a record that is no event, kept (whole up to CARRIED_BYTES), with the reason and where it came from.

Its Kafka key is `topic/partition/offset`, its identity: several layers read the same topic and may each report the same
record, and readers of the dead-letter topic keep one letter of each identity.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Final

import orjson

from cinematch.contracts.event_codec import rfc3339
from cinematch.contracts.log_record import LogRecord
from cinematch.domain.events import Event

CARRIED_BYTES: Final = 700_000
"""Of a rejected value; more, in base64, would not fit into a Kafka message of 1 MiB, and would stop whoever reports it.
No event is near it, and the reason for a value that is too large tells its size."""
CARRIED_KEY_BYTES: Final = 50_000
"""The same of a key."""
WHOLE: Final = "message"
_FIELD: Final = re.compile(r"[a-z_]+")
_FIELDS: Final = frozenset(field.name for field in fields(Event) if field.compare)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A rejected Kafka record: `reason` names the field, `layer` who rejected it, `value` the bytes as they were.

    `traceparent` is the trace of the request that the record comes from; null where its headers do not say.
    """

    reason: str
    layer: str
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    rejected_at: datetime
    traceparent: str | None = None

    @property
    def identity(self) -> str:
        """Give `topic/partition/offset`."""
        return f"{self.topic}/{self.partition}/{self.offset}"


def rejection(record: LogRecord, reason: str, layer: str) -> DeadLetter:
    """Give the letter of a record that `layer` rejects now."""
    return DeadLetter(
        reason=reason,
        layer=layer,
        topic=record.place.topic,
        partition=record.place.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        rejected_at=datetime.now(UTC),
        traceparent=None if record.trace is None else str(record.trace),
    )


def blamed(reason: str) -> str:
    """Name the field of the event that a reason is about, "message" where it is about the whole.

    A few names, whatever a reason says: part of it may come from whoever wrote the record.
    """
    field = _FIELD.match(reason)
    return field[0] if field and field[0] in _FIELDS else WHOLE


def encode(letter: DeadLetter) -> bytes:
    """Write a letter as JSON; key and value are base64, for they may be any bytes, cut to what a message carries."""
    return orjson.dumps(
        {
            "reason": letter.reason,
            "layer": letter.layer,
            "topic": letter.topic,
            "partition": letter.partition,
            "offset": letter.offset,
            "key": _to_text(letter.key, CARRIED_KEY_BYTES),
            "value": _to_text(letter.value, CARRIED_BYTES),
            "rejected_at": rfc3339(letter.rejected_at),
            "traceparent": letter.traceparent,
        }
    )


def decode(message: bytes) -> DeadLetter:
    """Read what `encode` wrote (trusted: from our own topic)."""
    members = orjson.loads(message)
    return DeadLetter(
        **{
            **members,
            "key": _to_bytes(members["key"]),
            "value": _to_bytes(members["value"]),
            "rejected_at": datetime.fromisoformat(members["rejected_at"]),
        }
    )


def _to_text(raw: bytes | None, at_most: int) -> str | None:
    return None if raw is None else b64encode(raw[:at_most]).decode("ascii")


def _to_bytes(text: str | None) -> bytes | None:
    return None if text is None else b64decode(text)
