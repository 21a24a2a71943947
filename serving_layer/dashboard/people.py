"""The choice of users: a fragment of a page, which htmx asks for while somebody types."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse

from cinematch.adapters.mongodb_watchlists import AsyncWatchlists
from cinematch.api.access import Access, open_to
from cinematch.api.inputs import Prefix
from cinematch.api.resources import shared_resources
from cinematch.api.strict_route import StrictRoute
from serving_layer.dashboard.pages import page

SHOWN: Final = 12

router = APIRouter(route_class=StrictRoute)


async def watchlists(request: Request) -> AsyncWatchlists:
    """Give the lists of the running application."""
    return AsyncWatchlists(shared_resources(request.app).database)


@router.get("/dashboard/people", response_class=HTMLResponse)
@open_to(Access.OPERATOR)
async def get_people(
    request: Request,
    lists: Annotated[AsyncWatchlists, Depends(watchlists)],
    user_id: Annotated[Prefix, Query(description="Beginning of the id")] = "",
) -> HTMLResponse:
    """Give the first users whose id begins so, as links to their pages."""
    found = await lists.users(user_id, None, SHOWN)
    return page(request, "people.html", people=[user["_id"] for user in found], asked=user_id)
