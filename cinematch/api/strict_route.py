"""Routes that refuse what could be read in two ways, before anything is done with it.

Beyond what the framework checks: a body is JSON in UTF-8, says so in its Content-Type, and names no member twice; a
query gives no parameter twice; path and query are UTF-8 once decoded. Somebody else on the way (a proxy, a filter, a
log) would otherwise read another request than we do.
"""

from __future__ import annotations

import json
from email.message import Message
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from fastapi import Request

from cinematch.api.guarded_route import GuardedRoute
from cinematch.api.problems import UnsupportedMediaType, field_errors, invalid_fields

JSON_TYPE: Final = "application/json"


class StrictRoute(GuardedRoute):
    """For routers whose inputs are JSON bodies, paths and queries: `APIRouter(route_class=StrictRoute)`."""

    async def prepared(self, request: Request) -> Request:
        """Give the request with its body read, once the checks have passed."""
        _check_path(request)
        _check_query(request)
        strict = _JsonRequest(request.scope, request.receive)
        await strict.check_body()
        return strict


class _JsonRequest(Request):
    """A request whose body is read once, strictly."""

    async def check_body(self) -> None:
        """Raise UnsupportedMediaType or InvalidRequest unless there is no body, or a good one."""
        body = await self.body()
        if body:
            self._check_content_type()
            self._json = _parsed(body)

    async def json(self) -> Any:
        """Give what `check_body` has read."""
        return self._json

    def _check_content_type(self) -> None:
        given = Message()
        given["Content-Type"] = self.headers.get("content-type", "application/octet-stream")
        if given.get_content_type() != JSON_TYPE:
            raise UnsupportedMediaType(
                f"not valid: Content-Type must be {JSON_TYPE}",
                errors=field_errors("Content-Type", f"must be {JSON_TYPE}"),
            )


class _DuplicateMember(ValueError):
    """An object names a member twice; the argument is its name."""


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body.decode(), object_pairs_hook=_distinct)
    except _DuplicateMember as duplicate:
        raise invalid_fields([(str(duplicate), "is given more than once")]) from None
    except (ValueError, RecursionError):
        raise invalid_fields([("body", "is not JSON in UTF-8")]) from None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise _DuplicateMember(name)
        members[name] = value
    return members


def _check_path(request: Request) -> None:
    if not _is_utf8(request.scope.get("raw_path") or b""):
        raise invalid_fields([(next(iter(request.path_params), "path"), "must be UTF-8")])


def _check_query(request: Request) -> None:
    names: set[str] = set()
    for part in filter(None, request.scope["query_string"].split(b"&")):
        name = unquote_to_bytes(part.partition(b"=")[0]).decode(errors="replace")
        if not _is_utf8(part):
            raise invalid_fields([(name, "must be UTF-8")])
        if name in names:
            raise invalid_fields([(name, "is given more than once")])
        names.add(name)


def _is_utf8(encoded: bytes) -> bool:
    try:
        unquote_to_bytes(encoded).decode()
    except UnicodeDecodeError:
        return False
    return True
