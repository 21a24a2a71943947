"""The dashboard's pages, and everything that they ask for."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from cinematch.api.access import Access, open_to
from cinematch.api.guard import USER_ID, calling_user
from cinematch.contracts.access_token import Scope
from cinematch.settings import Settings
from serving_layer.dashboard import assets, operation, people, session, streams
from serving_layer.dashboard.page_route import PageRoute
from serving_layer.dashboard.pages import page
from serving_layer.dashboard.picture import PICTURES

router = APIRouter(include_in_schema=False, route_class=PageRoute)
router.include_router(assets.router)
router.include_router(people.router)
router.include_router(session.router)
router.include_router(streams.router)
router.include_router(operation.router)


@router.get("/", response_class=HTMLResponse)
@open_to(Access.USER)
async def viewer_page(request: Request) -> Response:
    """Show one user's statistics: `user_id` in the address, or a choice of users.

    Who may look at nobody else is led to their own page.
    """
    caller, wanted = await calling_user(request), request.query_params.get(USER_ID)
    is_own = caller is None or wanted == caller.user_id
    if caller is not None and not is_own and not caller.has(Scope.OPERATOR):
        own = {**request.query_params, USER_ID: caller.user_id}
        return RedirectResponse(f"/?{urlencode(own)}", HTTPStatus.SEE_OTHER)
    return page(request, "viewer.html", may_edit=is_own)


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
