"""Answers that a client need not be sent twice: entity tags, and 304 for who has the current answer already.

The answer is made anew for every request; only its way to the client is spared. So a 304 is as true as the answer would
have been, and no store, proxy or browser may give an earlier one without asking us (`no-cache`).
"""

from __future__ import annotations

import hashlib
import re
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import Header
from starlette.responses import Response

from cinematch.api.responses import OrjsonResponse

TAG_BYTES: Final = 16
"""As many as leave two answers no chance of one tag."""
_TAG: Final = re.compile(r'(?:W/)?("[^"]*")')

IfNoneMatch = Annotated[
    str | None,
    Header(
        description="The `ETag` of the answer that the client has; 304 without a body when it still is the answer",
        examples=['"3f1c0a5b7d9e2f4a6b8c0d1e2f3a4b5c"'],
    ),
]


def unless_known(content: Any, if_none_match: str | None) -> Response:
    """Give `content` as JSON with its tag, or 304 when it is what `if_none_match` names.

    The tag is a digest of the whole answer, and so of all that it claims: mode, user, generation, sequences, the last
    change. Two answers that differ anywhere differ in it.
    """
    answer = OrjsonResponse(content)
    tag = f'"{hashlib.blake2b(bytes(answer.body), digest_size=TAG_BYTES).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if if_none_match is not None and _names(if_none_match, tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    answer.headers.update(headers)
    return answer


def tagged_responses() -> dict[int | str, dict[str, Any]]:
    """Give the `responses` of a route that answers so, for the documentation."""
    tag = {"ETag": {"description": "Names this answer, for `If-None-Match`", "schema": {"type": "string"}}}
    return {
        HTTPStatus.OK.value: {"headers": tag},
        HTTPStatus.NOT_MODIFIED.value: {"description": "The client has the current answer", "headers": tag},
    }


def _names(if_none_match: str, tag: str) -> bool:
    """Compare weakly, as RFC 9110 (13.1.2) has it for this header."""
    return if_none_match.strip() == "*" or tag in _TAG.findall(if_none_match)
