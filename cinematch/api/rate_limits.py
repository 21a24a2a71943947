"""How often one user, and one address, may ask in a minute.

The minutes are those of the clock, and all processes count in Redis together. When Redis is away each process counts by
itself: so a limit may grow with the number of processes, but neither do limits fall nor does the API. Between two
minutes somebody may send twice their limit at once.

Not counted: probes of health, and the dashboard's files, which browsers keep for ever.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final, Protocol

from fastapi_problem.error import StatusProblem
from limits.aio.storage import MemoryStorage
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cinematch.api.guard import Guard
from cinematch.api.problems import answer_with
from cinematch.errors import StoreUnavailable
from cinematch.settings import Authentication, Settings
from cinematch.telemetry import get_logger

WINDOW_SECONDS: Final = 60
USER_PER_MINUTE: Final = 600
ADDRESS_PER_MINUTE: Final = 3_000
"""With AUTH=jwt; an office of people may share one address."""
PAUSE_SECONDS: Final = 5.0
"""How long Redis is not asked after it failed: each attempt would hold up a request."""
NETWORK_BITS: Final = 64
"""Of an IPv6 address: the rest is its owner's to choose."""
UNCOUNTED: Final = ("/health/", "/assets/")

_log = get_logger(__name__)


class TooManyRequests(StatusProblem):
    """A limit is used up; `Retry-After` says when there is a new one."""

    type_ = "too-many-requests"
    title = "Too many requests"
    status = 429


class Counts(Protocol):
    """Counts by key."""

    async def count(self, key: str, keep_seconds: int) -> int:
        """Count once more, and give how often. May raise StoreUnavailable."""


@dataclass(frozen=True, slots=True)
class Limit:
    """So many requests of one kind of sender in a minute."""

    name: str
    per_minute: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What is left of a limit; negative: it is exceeded."""

    limit: Limit
    remaining: int


class OwnCounts:
    """Counts of this process alone."""

    def __init__(self) -> None:
        self._storage = MemoryStorage()

    async def count(self, key: str, keep_seconds: int) -> int:
        """Count once more."""
        return await self._storage.incr(key, keep_seconds)


class SharedCounts:
    """Counts of all processes, and of this one while those cannot be had."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._own = OwnCounts()
        self._shared: Counts | None = None
        self._clock = clock
        self._asked_again_at = float("-inf")

    def connect(self, shared: Counts) -> None:
        """Count there from now on."""
        self._shared = shared

    async def count(self, key: str, keep_seconds: int) -> int:
        """Count once more; never fails."""
        if self._shared is not None and self._clock() >= self._asked_again_at:
            try:
                return await self._shared.count(key, keep_seconds)
            except StoreUnavailable as error:
                _log.warning("each process counts requests by itself", reason=error.detail)
                self._asked_again_at = self._clock() + PAUSE_SECONDS
        return await self._own.count(key, keep_seconds)


class RateLimits:
    """ASGI middleware: answers 429 to whoever asks too often, and tells everybody what they have left."""

    def __init__(
        self, app: ASGIApp, counts: Counts, user: Limit, address: Limit, clock: Callable[[], float] = time.time
    ) -> None:
        self._app = app
        self._counts = counts
        self._user = user
        self._address = address
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http" or scope["path"].startswith(UNCOUNTED):
            await self._app(scope, receive, send)
            return
        window, passed = divmod(self._clock(), WINDOW_SECONDS)
        usages = await asyncio.gather(
            *(self._usage(limit, who, int(window)) for limit, who in await self._senders(HTTPConnection(scope)))
        )
        least = min(usages, key=lambda usage: usage.remaining, default=None)
        headers = {} if least is None else _headers(least, WINDOW_SECONDS - int(passed))
        if least is not None and least.remaining < 0:
            detail = f"this {least.limit.name} may ask {least.limit.per_minute} times a minute"
            await answer_with(TooManyRequests(detail, headers), scope, receive, send)
            return
        await self._app(scope, receive, _telling(headers, send))

    async def _senders(self, connection: HTTPConnection) -> list[tuple[Limit, str]]:
        senders = []
        guard: Guard = connection.app.state.guard
        if self._address.per_minute and connection.client:
            senders.append((self._address, network_of(connection.client.host)))
        if self._user.per_minute and (user_id := await _user_id(guard, connection)) is not None:
            senders.append((self._user, user_id))
        return senders

    async def _usage(self, limit: Limit, who: str, window: int) -> Usage:
        counted = await self._counts.count(f"{limit.name}:{{{who}}}:{window}", 2 * WINDOW_SECONDS)
        return Usage(limit, limit.per_minute - counted)


def configured_limits(settings: Settings) -> tuple[Limit, Limit] | None:
    """Give the limits of users and of addresses, 0 for none; None when there is neither."""
    is_on = settings.auth is Authentication.JWT
    user = _chosen(settings.rate_limit_user_per_minute, USER_PER_MINUTE if is_on else 0)
    address = _chosen(settings.rate_limit_address_per_minute, ADDRESS_PER_MINUTE if is_on else 0)
    return (Limit("user", user), Limit("address", address)) if user or address else None


def _chosen(given: int | None, default: int) -> int:
    return default if given is None else given


async def _user_id(guard: Guard, connection: HTTPConnection) -> str | None:
    try:
        caller = (await guard.visitor(connection)).caller
    except StoreUnavailable:  # the route tells, if it needs to know who calls
        return None
    return None if caller is None else caller.user_id


def network_of(host: str) -> str:
    """Give the part of an address that its owner cannot choose."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:  # a server of both kinds tells it so
        return str(address.ipv4_mapped)
    return host if address.version == 4 else str(ip_network(f"{host}/{NETWORK_BITS}", strict=False))


def _headers(usage: Usage, reset_seconds: int) -> dict[str, str]:
    """Give what draft-ietf-httpapi-ratelimit-headers names, and `Retry-After` when nothing is left."""
    limit = usage.limit
    told = {
        "RateLimit-Policy": f'"{limit.name}";q={limit.per_minute};w={WINDOW_SECONDS}',
        "RateLimit": f'"{limit.name}";r={max(0, usage.remaining)};t={reset_seconds}',
    }
    return told | ({"Retry-After": str(reset_seconds)} if usage.remaining < 0 else {})


def _telling(headers: dict[str, str], send: Send) -> Send:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def send_with_limits(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *raw]
        await send(message)

    return send_with_limits
