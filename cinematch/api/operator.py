"""What the layers' operator routes have in common: their router, the form of their answers, and who may act.

Every panel answers 200 with what could be found out: a store that does not answer is named in `stores`, and whatever it
would have told is null. So one dead store never takes the rest of the page with it.

Actions are POSTs. A browser sends one only from a page of ours (`from_our_own_page`), each is told in the log, and each
may be repeated: doing what is done already changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final, Literal, TypeVar

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from cinematch.adapters.kafka_log_watch import LogLag
from cinematch.api.lookups import Seen
from cinematch.api.strict_route import StrictRoute
from cinematch.contracts.heartbeat import LastBeat
from cinematch.errors import CineMatchError, StoreUnavailable
from cinematch.telemetry import get_logger

TAG: Final = "operator"
PREFIX: Final = "/operator"
KEEP_SECONDS: Final = 2.0
"""How long an answer about streams is kept; whoever looks more often sees the same one."""

OBSERVED_AT: Final = "observed_at"
"""The one field of a panel that differs from look to look."""
_LIVE: Final = "__cinematch_live_panel__"

StoreState = Literal["ok", "failing"]
PanelEndpoint = Callable[[Request], Awaitable[BaseModel]]
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
Look = Callable[[], Awaitable[Seen[Any]]]
_log = get_logger("cinematch.operator")


class Flow(BaseModel):
    """One edge of the picture: how much passes, and how far whoever is at its end is behind.

    per_second: None until two looks allow a rate. lag_events, lag_seconds: None when this process cannot know.
    usual_seconds: a lag up to which nothing is wrong.
    """

    per_second: float | None = None
    lag_events: int | None = None
    lag_seconds: float | None = None
    usual_seconds: float = Field(description="A lag up to which nothing is wrong")


class Process(BaseModel):
    """The process that beat last for a layer, and was not asked to end since."""

    name: str = Field(description="Host and process id", examples=["worker-1/4711"])
    beat_at: datetime
    alive: bool = Field(description="Whether it beat lately; false: it died, or is held up")


class Panel(BaseModel):
    """What every panel tells: which stores answered, and how old the oldest part of the answer is."""

    observed_at: datetime
    stores: dict[str, StoreState] = Field(examples=[{"kafka": "ok", "redis": "failing"}])


def operator_router(**options: Any) -> APIRouter:
    """Give a router for operators: everything below it can be guarded by one dependency."""
    return APIRouter(prefix=PREFIX, tags=[TAG], route_class=StrictRoute, **options)


def shown_live(name: str) -> Callable[[Endpoint], Endpoint]:
    """Mark a panel's endpoint as one that the operator's page watches under this name; it needs a request alone."""

    def mark(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, _LIVE, name)
        return endpoint

    return mark


def live_panels(app: FastAPI) -> dict[str, PanelEndpoint]:
    """Give the endpoints of an application that are marked, by name."""
    endpoints = [getattr(route.original_route, "endpoint", None) for route in iter_route_contexts(app.routes)]
    return {getattr(endpoint, _LIVE): endpoint for endpoint in endpoints if endpoint and hasattr(endpoint, _LIVE)}


def flow(lag: LogLag | None, per_second: float | None, usual_seconds: float) -> Flow:
    """Give an edge; without `lag` it is not known."""
    events, seconds = (None, None) if lag is None else (lag.events, round(lag.seconds, 1))
    rate = None if per_second is None else round(per_second, 2)
    return Flow(per_second=rate, lag_events=events, lag_seconds=seconds, usual_seconds=usual_seconds)


def process(beat: LastBeat | None) -> Process | None:
    """Give what is told of a layer's process; None when nobody beats."""
    return None if beat is None else Process(name=beat.process, beat_at=beat.beat_at, alive=beat.alive)


async def panel(looks: Mapping[str, tuple[str, Look]]) -> dict[str, Any]:
    """Look at all parts at once; `looks` names each part's store. Gives the fields of a `Panel` and the parts.

    A part whose store (or another that it needed) does not answer is None.
    """
    found = await asyncio.gather(*(look() for _, look in looks.values()), return_exceptions=True)
    stores: dict[str, StoreState] = {}
    parts: dict[str, Any] = {}
    seen_at = [datetime.now(UTC)]
    for (name, (store, _)), part in zip(looks.items(), found, strict=True):
        if isinstance(part, Seen):
            stores.setdefault(store, "ok")
            seen_at.append(part.at)
        elif isinstance(part, StoreUnavailable):
            stores[part.store] = "failing"
        else:
            raise part
        parts[name] = part.value if isinstance(part, Seen) else None
    return {"observed_at": min(seen_at), "stores": stores, **parts}


def forgive(parts: Mapping[str, Any], store: str) -> None:
    """Take a store that does not answer out of a panel's parts: nothing that this installation runs needs it."""
    stores: dict[str, StoreState] = parts["stores"]
    if stores.get(store) == "failing":
        del stores[store]


async def from_our_own_page(request: Request) -> None:
    """Refuse an action that another site's page, or a plain form, had a browser send; others' programs pass.

    A browser asks us before it sends JSON from another site, and we never allow it. The two headers say the same once
    more, for browsers that get the first part wrong.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "actions are sent as application/json")
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    host = request.headers.get("host", "")
    foreign = origin is not None and origin.partition("://")[2] != host
    if foreign or site not in (None, "same-origin"):
        raise HTTPException(HTTPStatus.FORBIDDEN, "actions are accepted from this server's own pages only")


ACTION: Final = (Depends(from_our_own_page),)
"""The dependencies of every action."""


@contextmanager
def audited(action: str, **subject: object) -> Iterator[None]:
    """Tell the log that somebody does something, and how it ended; the request id comes with every line."""
    _log.info("operator acts", action=action, **subject)
    try:
        yield
    except CineMatchError as error:
        _log.warning("operator's action refused", action=action, **subject, reason=str(error))
        raise
    _log.info("operator's action done", action=action, **subject)
