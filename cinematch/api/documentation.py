"""Corrects the framework's OpenAPI document where our answers differ from what it assumes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

Schema = dict[str, Any]

_FIELD_ERROR: Final[Schema] = {
    "type": "object",
    "title": "FieldError",
    "description": "Which input is to blame, and what it must be.",
    "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
    "required": ["field", "message"],
    "examples": [{"field": "rating", "message": "must have at most one decimal"}],
}


_EXAMPLES: Final[dict[str, tuple[str, str, str, str | None]]] = {
    "401": ("unauthorized", "Unauthorized", "the token has expired", None),
    "403": ("forbidden", "Forbidden", "actions are accepted from this server's own pages only", None),
    "404": ("not-found", "Not found", "the catalog has no film 'm42'", "movie_id"),
    "409": ("conflict", "Conflict", "somebody else is at it: try again later", None),
    "413": ("request-entity-too-large", "Request Entity Too Large", "the body may have at most 65536 bytes", "body"),
    "415": (
        "unsupported-media-type",
        "Unsupported Media Type",
        "not valid: Content-Type must be application/json",
        "Content-Type",
    ),
    "422": ("invalid-request", "Invalid request", "not valid: user_id", "user_id"),
    "429": ("too-many-requests", "Too many requests", "this user may ask 600 times a minute", None),
    "503": ("unavailable", "Unavailable", "mongodb does not answer: try again", None),
    "504": ("wait-timeout", "Wait timed out", "event 17 is not in the statistics after 5 s; they reach event 16", None),
}
"""Of each status: type, title, detail, and the field to blame."""


def documented(openapi: Callable[[], Schema]) -> Callable[[], Schema]:
    """Give `openapi` with our validation errors, and with the problems that routes refer to always there."""

    def corrected() -> Schema:
        document = openapi()
        document.setdefault("components", {}).setdefault("schemas", {})["ValidationError"] = _FIELD_ERROR
        for operations in document.get("paths", {}).values():
            for operation in operations.values():
                _give_examples(operation["responses"])
        return document

    return corrected


def _give_examples(responses: Schema) -> None:
    """Show beside each problem how it looks."""
    for status, response in responses.items():
        content = response.get("content", {}).get("application/problem+json")
        if content is not None and status in _EXAMPLES:
            content["example"] = _example(status)


def _example(status: str) -> Schema:
    kind, title, detail, field = _EXAMPLES[status]
    problem: Schema = {"type": f"urn:cinematch:problem:{kind}", "title": title, "status": int(status), "detail": detail}
    if field is not None:
        problem["errors"] = [{"field": field, "message": detail.removeprefix(f"not valid: {field} ")}]
    return problem
