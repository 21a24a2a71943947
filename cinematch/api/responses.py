"""Responses for routes that have their answer as plain values already and need no model to encode it."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.responses import Response


class OrjsonResponse(Response):
    """JSON by orjson: datetimes become RFC 3339, dataclasses objects."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Encode the content."""
        return orjson.dumps(content, option=orjson.OPT_UTC_Z)
