"""Tells in the OpenAPI document who may call what, and how a caller is turned away; nothing of it with AUTH=off."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from fastapi import FastAPI

from cinematch.api.access import Access, accesses
from cinematch.api.problems import problem_responses
from cinematch.api.session_cookie import SECURE_NAME

Schema = dict[str, Any]
_CONVERTOR: Final = re.compile(r":\w+}")
_SCHEMES: Final[Schema] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A JWT signed with RS256; `sub` is the user, `scope` may hold `operator` and `metrics`",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": SECURE_NAME,
        "description": "The same token, kept by the dashboard's sign-in; changes only from this server's own pages",
    },
}
_SCOPES: Final = {Access.OPERATOR: ["operator"], Access.METRICS: ["metrics"]}


def describe_access(app: FastAPI, *, limited: bool) -> Callable[[], Schema]:
    """Give the application's `openapi` with its security; `limited`: whether requests are counted."""
    openapi = app.openapi

    def described() -> Schema:
        document = openapi()
        document.setdefault("components", {})["securitySchemes"] = _SCHEMES
        for route in accesses(app):
            path = _CONVERTOR.sub("}", route.path)
            operation = document["paths"].get(path, {}).get(route.method.lower())
            if operation is not None:
                _describe(operation, route.access or Access.OPERATOR, limited)
        return document

    return described


def _describe(operation: Schema, access: Access, limited: bool) -> None:
    statuses = [429] if limited else []
    operation["security"] = []
    if access is not Access.PUBLIC:
        statuses += [401, 403, 503]  # the last while the issuer's keys cannot be had
        operation["security"] = [{name: _SCOPES.get(access, [])} for name in _SCHEMES]
    responses = operation["responses"]
    for status in statuses:
        responses.setdefault(str(status), problem_responses(status)[status])
