"""The class of every route of ours: it lets in whom the route is declared open to, before it reads a body."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from cinematch.api.access import Access, declared_access
from cinematch.api.guard import Guard


class GuardedRoute(APIRoute):
    """A route behind the guard; what it does not declare (`cinematch.api.access`) is for operators."""

    @property
    def access(self) -> Access | None:
        """What its function declares."""
        return declared_access(self.endpoint)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Say whether a request is for this route; a line end behind its path makes another path of it.

        The framework would leave that line end out (`$` of a regular expression), and so read another id than was sent.
        """
        return (Match.NONE, {}) if scope["path"].endswith("\n") else super().matches(scope)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Give the handler, behind the guard."""
        handle, access = super().get_route_handler(), self.access or Access.OPERATOR

        async def handle_guarded(request: Request) -> Response:
            guard: Guard = request.app.state.guard
            await guard.admit(request, access)
            prepared = await self.prepared(request)
            await guard.check_owner(prepared, access)
            return await handle(prepared)

        return handle_guarded

    async def prepared(self, request: Request) -> Request:
        """Give the request that is handled, when it may be: a place for further checks."""
        return request
