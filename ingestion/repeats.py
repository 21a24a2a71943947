"""Changes that a client may send again: the header `Idempotency-Key`, and what makes two requests the same one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Request

from cinematch.api.problems import invalid_fields
from ingestion.messages import AddMovie
from ingestion.problems import KEY_HEADER

REPLAYED_HEADER: Final = "Idempotency-Replayed"
KEY_CHARACTERS: Final = 255


@dataclass(frozen=True, slots=True)
class Repeatable:
    """The key of a request, and a digest of what it asks for."""

    key: str
    fingerprint: str


async def idempotency_key(
    request: Request,
    key: Annotated[
        str | None,
        Header(
            alias=KEY_HEADER,
            min_length=1,
            max_length=KEY_CHARACTERS,
            pattern="^[!-~]+$",
            description="Names this change among the user's: sent again with it, the change is not carried out again, "
            f"and the answer is that of the first time, with `{REPLAYED_HEADER}: true`. Printable ASCII without spaces",
            examples=["9d3f6a52-0a3c-4d0e-9d0b-3f6f3c1b8a77"],
        ),
    ] = None,
) -> str | None:
    """Give the request's key. Raises InvalidRequest when it gives two: they could be taken for one or the other."""
    if len(request.headers.getlist(KEY_HEADER)) > 1:
        raise invalid_fields([(KEY_HEADER, "is given more than once")])
    return key


IdempotencyKey = Annotated[str | None, Depends(idempotency_key)]


def addition(key: str | None, movie: AddMovie) -> Repeatable | None:
    """Give what makes an addition repeatable; None without a key. A member that is left out is another than null."""
    return _repeatable(key, "POST", movie.model_dump_json(exclude_unset=True))


def removal(key: str | None, movie_id: str) -> Repeatable | None:
    """Give what makes a removal repeatable; None without a key."""
    return _repeatable(key, "DELETE", movie_id)


def replayed_responses() -> dict[int | str, dict[str, Any]]:
    """Give the `responses` of a route whose changes are repeatable, for the documentation."""
    header = {"description": "`true`: the answer is that of an earlier request", "schema": {"type": "string"}}
    return {200: {"headers": {REPLAYED_HEADER: header}}}


def _repeatable(key: str | None, *asked: str) -> Repeatable | None:
    if key is None:
        return None
    return Repeatable(key, hashlib.sha256("\n".join(asked).encode()).hexdigest())
