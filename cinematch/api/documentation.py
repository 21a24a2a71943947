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


def documented(openapi: Callable[[], Schema]) -> Callable[[], Schema]:
    """Give `openapi` with our validation errors, and with the problems that routes refer to always there."""

    def corrected() -> Schema:
        document = openapi()
        document.setdefault("components", {}).setdefault("schemas", {})["ValidationError"] = _FIELD_ERROR
        return document

    return corrected
