"""Lets a request in, or not: who calls, whether the route is open to them, and whether the data are theirs.

A token comes as `Authorization: Bearer ...`, or in the cookie of the dashboard's sign-in. A browser sends a cookie by
itself, so a change that comes with one must also come from a page of ours: by `Sec-Fetch-Site`, or by `Origin` where a
browser does not send that. The cookie's SameSite=Strict says the same once more.

With AUTH=off everybody may do everything.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final

import structlog
from fastapi import Request
from fastapi_problem.error import StatusProblem
from starlette.requests import HTTPConnection

from cinematch.api.access import Access
from cinematch.api.session_cookie import session_token
from cinematch.api.tokens import Caller, InvalidToken, TokenVerifier
from cinematch.contracts.access_token import Scope
from cinematch.errors import StoreUnavailable
from cinematch.telemetry import get_logger

REALM: Final = 'Bearer realm="cinematch"'
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
USER_ID: Final = "user_id"
_SCOPES: Final = {Access.OPERATOR: Scope.OPERATOR, Access.METRICS: Scope.METRICS}
_STATE: Final = "cinematch.visitor"

_log = get_logger(__name__)


class Unauthorized(StatusProblem):
    """Nobody knows who calls: there is no token, or it cannot be trusted."""

    type_ = "unauthorized"
    title = "Unauthorized"
    status = 401


class Forbidden(StatusProblem):
    """Somebody else may do this, but not whoever calls."""

    type_ = "forbidden"
    title = "Forbidden"
    status = 403


@dataclass(frozen=True, slots=True)
class Visitor:
    """What a request says about who sends it: a caller, or why there is none."""

    caller: Caller | None
    by_cookie: bool = False
    fault: str | None = None


class Guard:
    """Decides by the token of a request. Without a verifier (AUTH=off) nobody is turned away."""

    def __init__(self, verifier: TokenVerifier | None) -> None:
        self._verifier = verifier

    @property
    def is_on(self) -> bool:
        """Whether tokens are asked for."""
        return self._verifier is not None

    async def visitor(self, connection: HTTPConnection) -> Visitor:
        """Say who sends a request; verified once for each. Raises StoreUnavailable without the issuer's keys."""
        known: Visitor | None = connection.scope.get(_STATE)
        if known is None:
            known = connection.scope[_STATE] = await self._look(connection)
        return known

    async def still_knows(self, connection: HTTPConnection) -> bool:
        """Say whether the sender's token is still good: asked again and again by answers without an end.

        It is verified anew after REMEMBER_SECONDS, as one that comes with new requests: its key may be withdrawn.
        """
        caller = (await self.visitor(connection)).caller
        if caller is None:
            return True  # anonymous when it began
        try:
            return time.time() <= caller.until and (await self._look(connection)).caller == caller
        except StoreUnavailable:
            return False

    async def caller_with(self, token: str) -> Caller:
        """Give who holds a token that comes in another way than requests carry one. Raises Unauthorized."""
        if self._verifier is None:
            raise Unauthorized("this server asks nobody for a token")
        try:
            return await self._verifier.caller(token)
        except InvalidToken as error:
            raise _unauthorized(str(error)) from None

    async def admit(self, request: Request, access: Access) -> None:
        """Raise Unauthorized or Forbidden unless the caller may use a route of this kind at all."""
        if self._verifier is None or access is Access.PUBLIC:
            return
        visitor = await self.visitor(request)
        if visitor.caller is None:
            raise _unauthorized(visitor.fault)
        if visitor.by_cookie and request.method not in SAFE_METHODS and not is_from_our_page(request):
            raise Forbidden("changes are accepted from this server's own pages only")
        scope = _SCOPES.get(access)
        if scope is not None and not (visitor.caller.has(scope) or visitor.caller.has(Scope.OPERATOR)):
            raise _forbidden(visitor.caller, f"this needs a token of scope {scope}", scope)
        if access is Access.OPERATOR:
            structlog.contextvars.bind_contextvars(operator=visitor.caller.user_id)  # the log tells who acted

    async def check_owner(self, request: Request, access: Access) -> None:
        """Raise Forbidden when the request names another user than the caller, who may not see or change theirs."""
        if self._verifier is None or not access.names_user:
            return
        caller = (await self.visitor(request)).caller
        if caller is None or (access is Access.OWNER_OR_OPERATOR and caller.has(Scope.OPERATOR)):
            return
        if any(named != caller.user_id for named in await _named_users(request)):
            raise _forbidden(caller, "a token opens the data of its own user only", Scope.OPERATOR)

    async def _look(self, connection: HTTPConnection) -> Visitor:
        if self._verifier is None:
            return Visitor(None)
        bearer = _bearer_token(connection)
        token = session_token(connection) if bearer is None else bearer
        if token is None:
            return Visitor(None)
        try:
            return Visitor(await self._verifier.caller(token), by_cookie=bearer is None)
        except InvalidToken as error:
            return Visitor(None, by_cookie=bearer is None, fault=str(error))


async def calling_user(request: Request) -> Caller | None:
    """Give who calls, to a route that wants to know; None with AUTH=off, and for anonymous visitors."""
    guard: Guard = request.app.state.guard
    return (await guard.visitor(request)).caller


def known_caller(connection: HTTPConnection) -> Caller | None:
    """Give who calls, as far as the guard has looked already."""
    visitor: Visitor | None = connection.scope.get(_STATE)
    return None if visitor is None else visitor.caller


def is_from_our_page(request: Request) -> bool:
    """Say whether a browser says that a page of this server made it send this; without its word, it did not."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        return site == "same-origin"
    return origin is not None and origin.partition("://")[2] == request.headers.get("host")


def _bearer_token(connection: HTTPConnection) -> str | None:
    kind, _, token = connection.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else None


async def _named_users(request: Request) -> list[object]:
    """Give every user that the request names, wherever the route may look."""
    return [place[USER_ID] async for place in _places(request) if USER_ID in place]


async def _places(request: Request) -> AsyncIterator[Mapping[str, object]]:
    yield request.path_params
    yield request.query_params
    if request.method not in SAFE_METHODS and await request.body():
        body = await request.json()
        if isinstance(body, dict):
            yield body


def _unauthorized(fault: str | None) -> Unauthorized:
    if fault is None:
        return Unauthorized("this needs a token: Authorization: Bearer ...", {"WWW-Authenticate": REALM})
    challenge = f'{REALM}, error="invalid_token", error_description="{fault}"'
    return Unauthorized(fault, {"WWW-Authenticate": challenge})


def _forbidden(caller: Caller, detail: str, scope: Scope) -> Forbidden:
    _log.warning("a caller was turned away", user_id=caller.user_id, reason=detail)
    return Forbidden(detail, {"WWW-Authenticate": f'{REALM}, error="insufficient_scope", scope="{scope}"'})
