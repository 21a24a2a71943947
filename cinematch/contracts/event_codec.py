"""The event on the wire: JSON, UTF-8, one object a message.

Enters: bytes from a producer that may be anybody. Leaves: a valid `Event`, or `InvalidEvent` with a reason that names
the field and never repeats the payload. Unknown extra fields are ignored, unknown versions are not.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Self
from uuid import UUID

import orjson
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from cinematch.contracts.times import as_utc
from cinematch.domain.events import (
    ID_MAX_CHARACTERS,
    RATING_MAX,
    RATING_MIN,
    SCHEMA_VERSION,
    Event,
    EventType,
    to_milliseconds,
)
from cinematch.errors import InvalidEvent

MAX_EVENT_BYTES: Final = 65_536
"""An event is well below 2 KiB; what is larger is no event of ours."""
TITLE_MAX_CHARACTERS: Final = 1_000
GENRES_MAX: Final = 64
FIRST_YEAR, LAST_YEAR = 1800, 2200
"""Every store can hold the times between: clocks that count nanoseconds end in 1677 and 2262."""
_CONTROL: Final = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_PLAIN_ID: Final = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PLAIN_TIME: Final = re.compile(r"(19|20)\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)
_KINDS: Final = {kind.value: kind for kind in EventType}


def _without_control_characters(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("must not contain control characters")
    return text


def _one_decimal(rating: float) -> float:
    if abs(rating * 10 - round(rating * 10)) > 1e-6:
        raise ValueError("must have at most one decimal")
    return round(rating, 1)


def _milliseconds(moment: datetime) -> datetime:
    if not FIRST_YEAR < moment.year < LAST_YEAR:
        raise ValueError(f"must be after {FIRST_YEAR} and before {LAST_YEAR}")
    return to_milliseconds(moment)


def _uuid(text: str) -> str:
    UUID(text)
    return text


Text = AfterValidator(_without_control_characters)
Identifier = Annotated[str, Field(min_length=1, max_length=ID_MAX_CHARACTERS), Text]
Title = Annotated[str, Field(max_length=TITLE_MAX_CHARACTERS), Text]
Genre = Annotated[str, Field(min_length=1, max_length=ID_MAX_CHARACTERS), Text]
Genres = Annotated[list[Genre], Field(max_length=GENRES_MAX)]
Rating = Annotated[float, Field(ge=RATING_MIN, le=RATING_MAX, allow_inf_nan=False), AfterValidator(_one_decimal)]
Moment = Annotated[AwareDatetime, AfterValidator(_milliseconds)]


class _EventMessage(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    schema_version: int
    event_id: Annotated[str, AfterValidator(_uuid)]
    event_type: Annotated[EventType, Field(strict=False)]
    user_id: Identifier
    movie_id: Identifier
    movie_name: Title
    genres: Genres
    rating: Rating | None = None
    previous_rating: Rating | None = None
    sequence: Annotated[int, Field(ge=1, lt=2**53)]
    event_time: Moment
    watched_at: Moment | None = None
    added_at: Moment | None = None

    @model_validator(mode="after")
    def _ratings_fit_the_type(self) -> Self:
        if self.event_type is EventType.ADD and self.previous_rating is not None:
            raise ValueError("previous_rating must be null for ADD")
        if self.event_type is EventType.DELETE and self.rating is not None:
            raise ValueError("rating must be null for DELETE: the removed one is previous_rating")
        return self


def decode(message: bytes | None) -> Event:
    """Read one message. Raises InvalidEvent."""
    if not message:
        raise InvalidEvent("the message is empty")
    if len(message) > MAX_EVENT_BYTES:
        raise InvalidEvent(f"the message has {len(message)} bytes; the limit is {MAX_EVENT_BYTES}")
    return _plain(_of_known_version(message)) or _judged(message)


def encode(event: Event) -> bytes:
    """Write one event; `decode` gives an equal one back."""
    return orjson.dumps(to_document(event) | _times(event))


def to_document(event: Event) -> dict[str, Any]:
    """Give the event's fields as plain values, in the order of the contract; times are datetimes.

    `traceparent` is not among them, for it is no part of the event.
    """
    return {
        "schema_version": event.schema_version,
        "event_id": event.event_id,
        "event_type": event.event_type.value,
        "user_id": event.user_id,
        "movie_id": event.movie_id,
        "movie_name": event.movie_name,
        "genres": list(event.genres),
        "rating": event.rating,
        "previous_rating": event.previous_rating,
        "sequence": event.sequence,
        "event_time": event.event_time,
        "watched_at": event.watched_at,
        "added_at": event.added_at,
    }


def from_document(document: dict[str, Any]) -> Event:
    """Give the event that `to_document` wrote (trusted: from our own store), with the outbox's `traceparent`.

    Other keys are ignored.
    """
    return Event(
        event_id=document["event_id"],
        event_type=EventType(document["event_type"]),
        user_id=document["user_id"],
        movie_id=document["movie_id"],
        movie_name=document["movie_name"],
        genres=tuple(document["genres"]),
        rating=document["rating"],
        previous_rating=document["previous_rating"],
        sequence=document["sequence"],
        event_time=as_utc(document["event_time"]),
        watched_at=_utc_or_none(document.get("watched_at")),
        added_at=_utc_or_none(document.get("added_at")),
        schema_version=document["schema_version"],
        traceparent=document.get("traceparent"),
    )


def rfc3339(moment: datetime) -> str:
    """Write a time as RFC 3339 in UTC with milliseconds, e.g. 2026-01-19T14:10:00.000Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _times(event: Event) -> dict[str, str | None]:
    return {
        "event_time": rfc3339(event.event_time),
        "watched_at": rfc3339(event.watched_at) if event.watched_at else None,
        "added_at": rfc3339(event.added_at) if event.added_at else None,
    }


def _utc_or_none(moment: datetime | None) -> datetime | None:
    return None if moment is None else as_utc(moment)


def _of_known_version(message: bytes) -> dict[str, Any]:
    try:
        fields = orjson.loads(message)
    except orjson.JSONDecodeError:
        raise InvalidEvent("the message is not JSON in UTF-8") from None
    if not isinstance(fields, dict):
        raise InvalidEvent("the message is not a JSON object")
    version = fields.get("schema_version")
    if type(version) is not int or version != SCHEMA_VERSION:
        raise InvalidEvent(f"schema_version must be {SCHEMA_VERSION}")
    return fields


def _judged(message: bytes) -> Event:
    try:
        fields = _EventMessage.model_validate_json(message)
    except ValidationError as error:
        raise InvalidEvent(_reason(error)) from None
    return Event(**{**fields.__dict__, "genres": tuple(fields.genres)})


def _plain(fields: dict[str, Any]) -> Event | None:
    """Give the event of fields that are as `encode` writes them; None for what `_judged` is to look at.

    It takes a fraction of the time, and takes nothing that `_judged` would refuse or read otherwise.
    """
    try:
        event = Event(
            event_id=fields["event_id"],
            event_type=_KINDS[fields["event_type"]],
            user_id=fields["user_id"],
            movie_id=fields["movie_id"],
            movie_name=fields["movie_name"],
            genres=tuple(fields["genres"]),
            rating=fields["rating"],
            previous_rating=fields["previous_rating"],
            sequence=fields["sequence"],
            event_time=_plain_time(fields["event_time"]),
            watched_at=_plain_time_or_none(fields["watched_at"]),
            added_at=_plain_time_or_none(fields["added_at"]),
        )
        return event if _has_plain_texts(event, fields["genres"]) and _has_plain_numbers(event) else None
    except (KeyError, TypeError, ValueError):
        return None


def _has_plain_texts(event: Event, genres: object) -> bool:
    named = [event.user_id, event.movie_id, *event.genres]
    return (
        type(genres) is list
        and len(genres) <= GENRES_MAX
        and _PLAIN_ID.fullmatch(event.event_id) is not None
        and not _CONTROL.search("".join([*named, event.movie_name]))  # raises TypeError for what is no text
        and all(1 <= len(name) <= ID_MAX_CHARACTERS for name in named)
        and len(event.movie_name) <= TITLE_MAX_CHARACTERS
    )


def _has_plain_numbers(event: Event) -> bool:
    rating, previous = event.rating, event.previous_rating
    return (
        type(event.sequence) is int
        and 1 <= event.sequence < 2**53
        and (rating is None or (_is_plain_rating(rating) and event.event_type is not EventType.DELETE))
        and (previous is None or (_is_plain_rating(previous) and event.event_type is not EventType.ADD))
    )


def _is_plain_rating(rating: float) -> bool:
    return type(rating) is float and RATING_MIN <= rating <= RATING_MAX and rating == round(rating, 1)


def _plain_time(text: str) -> datetime:
    if not _PLAIN_TIME.fullmatch(text):
        raise ValueError(text)
    return datetime.fromisoformat(text)


def _plain_time_or_none(text: str | None) -> datetime | None:
    return None if text is None else _plain_time(text)


def _reason(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    return f"{field}: {first['msg']}" if field else str(first["msg"])
