"""The operator's page, live: one stream that tells what every panel of every layer tells.

A panel is an endpoint that its layer has marked (`cinematch.api.operator.shown_live`); the stream asks it in this
process. Each is asked by itself, so one that hangs holds up none of the others. A browser opens few connections to one
server, so there is one stream, and not one for each panel. One who comes back is told everything anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from cinematch.api.access import Access, open_to
from cinematch.api.health import HealthChecks
from cinematch.api.operator import KEEP_SECONDS, OBSERVED_AT, live_panels
from cinematch.api.seats import Seats
from cinematch.api.strict_route import StrictRoute
from cinematch.errors import CineMatchError
from cinematch.telemetry import get_logger
from serving_layer.dashboard.looks import HEARTBEAT_SECONDS, AsyncCondition, Looks, Seen
from serving_layer.dashboard.streams import Ending, Sender

HEALTH: Final = "health"
LOOK_SECONDS: Final = 0.5
"""Between two looks at what the panels keep; they look at the stores themselves every KEEP_SECONDS."""
PANEL: Final = ""
"""The key of a panel's document: there is one."""
WATCHERS_MAX: Final = 50
"""Operators are few; each costs a connection and a look at what the panels keep, twice a second."""
_log = get_logger(__name__)

router = APIRouter(route_class=StrictRoute)


class OperatorNews:
    """What all panels tell, shared by all who watch. For one event loop."""

    def __init__(self, panels: Mapping[str, Looks]) -> None:
        self._panels = panels
        self.seats = Seats("the live stream", WATCHERS_MAX)

    async def follow(
        self,
        ending: AsyncCondition,
        clock: Callable[[], float] | None = None,
        period_seconds: float = LOOK_SECONDS,
    ) -> AsyncIterator[ServerSentEvent]:
        """Give each panel as an event `panel` {name, document} when it is another one, null where it failed.

        Every HEARTBEAT_SECONDS an event `heartbeat` {confirmed} names those that were found as they had been told.
        """
        now = clock or asyncio.get_running_loop().time
        asked: dict[str, asyncio.Task[Seen | None]] = {}
        told: dict[str, str | None] = {}
        confirmed: set[str] = set()
        beat_at = now() + HEARTBEAT_SECONDS
        try:
            while not await ending():
                for name in self._panels.keys() - asked.keys():
                    asked[name] = asyncio.ensure_future(self._look(name))
                await asyncio.sleep(period_seconds)
                for name in [name for name, task in asked.items() if task.done()]:
                    seen = asked.pop(name).result()
                    token = None if seen is None else seen.token
                    if name not in told or told[name] != token:
                        told[name] = token
                        yield _news(name, seen)
                    elif seen is not None:
                        confirmed.add(name)
                if now() >= beat_at:
                    yield ServerSentEvent(event="heartbeat", data={"confirmed": sorted(confirmed)})
                    confirmed, beat_at = set(), now() + HEARTBEAT_SECONDS
        finally:
            for task in asked.values():
                task.cancel()

    async def _look(self, name: str) -> Seen | None:
        try:
            return await self._panels[name].get(PANEL)
        except CineMatchError:
            return None
        except Exception as error:  # noqa: BLE001 - a defect of one panel is told as its failure, and ends no other
            _log.error("a panel of the operator's page fails", panel=name, reason=repr(error))
            return None


async def operator_news(request: Request) -> OperatorNews:
    """Give the application's; whoever watches first brings the state in which the panels find what they look with."""
    state = request.app.state
    if not hasattr(state, "operator_news"):
        bare = Request({"type": "http", "app": request.app, "state": request.scope["state"], "headers": []})
        looks = {name: Looks(_asking(panel, bare), LOOK_SECONDS) for name, panel in live_panels(request.app).items()}
        state.operator_news = OperatorNews({**looks, HEALTH: Looks(_asking(_health, bare), KEEP_SECONDS)})
    news: OperatorNews = state.operator_news
    return news


async def seat(news: Annotated[OperatorNews, Depends(operator_news)], sender: Sender) -> AsyncIterator[OperatorNews]:
    """Have a seat until the stream ends. Raises what `Seats` raises: polling still works."""
    with news.seats.taken_by(sender):
        yield news


@router.get("/dashboard/operator/stream", response_class=EventSourceResponse)
@open_to(Access.OPERATOR)
async def stream_operator(
    news: Annotated[OperatorNews, Depends(seat)], ending: Ending
) -> AsyncIterator[ServerSentEvent]:
    """Give every panel, and each that has changed, as events `panel`."""
    async for event in news.follow(ending):
        yield event


def _asking(panel: Callable[[Request], Awaitable[Any]], request: Request) -> Callable[[str], Awaitable[Any]]:
    async def look(_key: str) -> Any:
        found = await panel(request)
        document = found if isinstance(found, dict) else found.model_dump()
        return {name: value for name, value in document.items() if name != OBSERVED_AT}

    return look


async def _health(request: Request) -> dict[str, Any]:
    """Tell what /health/ready tells."""
    checks: HealthChecks = request.app.state.health
    states = await checks.run()
    failing = [name for name, state in states.items() if state == "failing" and checks.is_required(name)]
    return {"status": "failing" if failing else "ready", "dependencies": states}


def _news(name: str, seen: Seen | None) -> ServerSentEvent:
    document = None if seen is None else orjson.Fragment(seen.encoded)
    return ServerSentEvent(event="panel", raw_data=orjson.dumps({"name": name, "document": document}).decode())
