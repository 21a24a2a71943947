"""Who may call a route: declared at the route, here and nowhere else, and enforced by `GuardedRoute`.

    @router.get("/stats")
    @open_to(Access.OWNER_OR_OPERATOR)
    async def get_stats(user_id: ...) -> ...

What a route does not declare is for operators only; a test fails for it all the same. A route that belongs to a user
names that user as `user_id` in its path, its query or its JSON body.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any, Final, NamedTuple, TypeVar

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
_ATTRIBUTE: Final = "__cinematch_access__"


class Access(StrEnum):
    """Who may call, when AUTH=jwt."""

    PUBLIC = "public"
    """Anybody."""
    USER = "user"
    """Whoever has a valid token."""
    OWNER = "owner"
    """The user whom the request names, and nobody else."""
    OWNER_OR_OPERATOR = "owner or operator"
    """The user whom the request names, or a token of scope `operator`."""
    OPERATOR = "operator"
    """A token of scope `operator`."""
    METRICS = "metrics"
    """A token of scope `metrics` or `operator`."""

    @property
    def names_user(self) -> bool:
        """Whether the request says whose data it is about."""
        return self in (Access.OWNER, Access.OWNER_OR_OPERATOR)


FRAMEWORK_ROUTES: Final = {"/openapi.json": Access.PUBLIC}
"""What the framework serves by itself: the description of an API whose source is open."""


class RouteAccess(NamedTuple):
    """One operation and who may call it; None: nobody has said."""

    method: str
    path: str
    access: Access | None


def open_to(access: Access) -> Callable[[Endpoint], Endpoint]:
    """Declare, once, who may call the route of this function; stands below the router's decorator."""

    def declare(endpoint: Endpoint) -> Endpoint:
        if hasattr(endpoint, _ATTRIBUTE):
            raise ValueError(f"{endpoint.__qualname__} says twice who may call it")
        setattr(endpoint, _ATTRIBUTE, access)
        return endpoint

    return declare


def declared_access(endpoint: Callable[..., Any] | None) -> Access | None:
    """Give what was declared."""
    return getattr(endpoint, _ATTRIBUTE, None)


def accesses(app: FastAPI) -> Iterator[RouteAccess]:
    """Give every operation of an application, those of the framework too."""
    for route in iter_route_contexts(app.routes):
        original = route.original_route
        guarded = getattr(original, "access", None) if isinstance(original, APIRoute) else None
        access = guarded if guarded is not None else FRAMEWORK_ROUTES.get(route.path or "")
        for method in sorted(route.methods or ()):
            if method != "HEAD":
                yield RouteAccess(method, route.path or "", access)
