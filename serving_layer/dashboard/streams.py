"""The live documents of the pages: each as JSON, and as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.responses import Response

from cinematch.api.access import Access, open_to
from cinematch.api.guard import Guard
from cinematch.api.inputs import Identifier
from cinematch.api.seats import seat_sender
from cinematch.api.strict_route import StrictRoute
from serving_layer.dashboard.documents import LiveDocuments
from serving_layer.dashboard.looks import AsyncCondition, Looks, Seen

COMMUNITY: Final = ""
"""The key of the trends: there is one community."""

router = APIRouter(route_class=StrictRoute)

UserId = Annotated[Identifier, Query()]
Known = Annotated[str | None, Header(alias="Last-Event-ID")]


async def live_documents(request: Request) -> LiveDocuments:
    """Give those of the running application."""
    documents: LiveDocuments = request.state.live_documents
    return documents


async def ending(request: Request) -> AsyncCondition:
    """Give what says that the process is asked to end, or the watcher's token is not good any more."""
    guard: Guard = request.app.state.guard

    async def is_ending() -> bool:
        return bool(request.app.state.ending) or not await guard.still_knows(request)

    return is_ending


Documents = Annotated[LiveDocuments, Depends(live_documents)]
Ending = Annotated[AsyncCondition, Depends(ending)]
Sender = Annotated[str | None, Depends(seat_sender)]


async def user_seen(documents: Documents, user_id: UserId) -> Seen:
    """Look once before anything is sent, so that errors are answers. Raises UserNotFound, and StoreUnavailable."""
    return await documents.users.get(user_id)


async def trends_seen(documents: Documents) -> Seen:
    """Look once before anything is sent. Raises StoreUnavailable."""
    return await documents.trends.get(COMMUNITY)


async def seat_at_users(documents: Documents, sender: Sender) -> AsyncIterator[Looks]:
    """Have a seat until the stream ends. Raises what `Seats` raises: polling still works."""
    with documents.users.seats.taken_by(sender):
        yield documents.users


async def seat_at_trends(documents: Documents, sender: Sender) -> AsyncIterator[Looks]:
    """Have a seat until the stream ends. Raises what `Seats` raises: polling still works."""
    with documents.trends.seats.taken_by(sender):
        yield documents.trends


@router.get("/dashboard/users/stats")
@open_to(Access.OWNER_OR_OPERATOR)
async def get_user(seen: Annotated[Seen, Depends(user_seen)]) -> Response:
    """Give a user's document."""
    return _json(seen)


@router.get("/dashboard/users/stats/stream", response_class=EventSourceResponse, dependencies=[Depends(user_seen)])
@open_to(Access.OWNER_OR_OPERATOR)
async def stream_user(
    looks: Annotated[Looks, Depends(seat_at_users)], user_id: UserId, ending: Ending, known: Known = None
) -> AsyncIterator[ServerSentEvent]:
    """Give a user's document, and each new one, as events `stats`."""
    async for event in looks.follow(user_id, "stats", known, ending):
        yield event


@router.get("/dashboard/trends")
@open_to(Access.PUBLIC)
async def get_trends(seen: Annotated[Seen, Depends(trends_seen)]) -> Response:
    """Give the trends."""
    return _json(seen)


@router.get("/dashboard/trends/stream", response_class=EventSourceResponse, dependencies=[Depends(trends_seen)])
@open_to(Access.PUBLIC)
async def stream_trends(
    looks: Annotated[Looks, Depends(seat_at_trends)], ending: Ending, known: Known = None
) -> AsyncIterator[ServerSentEvent]:
    """Give the trends, and each new version, as events `trends`."""
    async for event in looks.follow(COMMUNITY, "trends", known, ending):
        yield event


@router.get("/dashboard/community")
@open_to(Access.USER)
async def get_community(documents: Documents) -> Response:
    """Give what all lists together are like."""
    return _json(await documents.community.get(COMMUNITY))


def _json(seen: Seen) -> Response:
    return Response(seen.encoded, media_type="application/json", headers={"Cache-Control": "no-store"})
