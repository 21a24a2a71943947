"""The dashboard's pages, and everything that they ask for."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from cinematch.api.access import Access, open_to
from cinematch.api.guarded_route import GuardedRoute
from cinematch.settings import Settings
from serving_layer.dashboard import assets, people, streams
from serving_layer.dashboard.pages import page
from serving_layer.dashboard.picture import PICTURES

router = APIRouter(include_in_schema=False, route_class=GuardedRoute)
router.include_router(assets.router)
router.include_router(people.router)
router.include_router(streams.router)


@router.get("/", response_class=HTMLResponse)
@open_to(Access.USER)
async def viewer_page(request: Request) -> HTMLResponse:
    """Show one user's statistics: `user_id` in the address, or a choice of users."""
    return page(request, "viewer.html")


@router.get("/trends", response_class=HTMLResponse)
@open_to(Access.PUBLIC)
async def trends_page(request: Request) -> HTMLResponse:
    """Show what the community watches."""
    return page(request, "trends.html")


@router.get("/operator", response_class=HTMLResponse)
@open_to(Access.OPERATOR)
async def operator_page(request: Request) -> HTMLResponse:
    """Show how every part does, how far each is behind, and what an operator can do about it."""
    settings: Settings = request.app.state.settings
    return page(request, "operator.html", pictures=PICTURES, links=settings.operator_links)
