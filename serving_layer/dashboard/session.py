"""Sign in and out: a page that takes a token, which the browser then keeps where no script can read it."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import HTMLResponse, Response

from cinematch.api.access import Access, open_to
from cinematch.api.guard import Guard
from cinematch.api.session_cookie import end_session, keep_session
from cinematch.api.strict_route import StrictRoute
from cinematch.api.tokens import TOKEN_BYTES_MAX
from serving_layer.dashboard.next_page import page_after
from serving_layer.dashboard.page_route import SIGN_IN, PageRoute
from serving_layer.dashboard.pages import page

router = APIRouter()
pages = APIRouter(route_class=PageRoute)
sessions = APIRouter(route_class=StrictRoute)


class SignIn(BaseModel):
    """A token to keep."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)

    token: Annotated[str, Field(min_length=1, max_length=TOKEN_BYTES_MAX)]


@pages.get(SIGN_IN, response_class=HTMLResponse)
@open_to(Access.PUBLIC)
async def sign_in_page(request: Request) -> HTMLResponse:
    """Ask for a token; `next` in the address is the page that follows, with its query."""
    return page(request, "sign_in.html", next_page=page_after(request.query_params.get("next")), is_refused=False)


@sessions.post("/dashboard/session", status_code=HTTPStatus.NO_CONTENT)
@open_to(Access.PUBLIC)
async def begin_session(request: Request, sign_in: SignIn) -> Response:
    """Have the browser keep a good token until it expires. Raises Unauthorized for another.

    JSON is what no form of another site can send: nobody can be signed in as somebody else behind their back.
    """
    guard: Guard = request.app.state.guard
    caller = await guard.caller_with(sign_in.token)
    response = Response(status_code=HTTPStatus.NO_CONTENT)
    keep_session(request, response, sign_in.token, max(0, int(caller.until - time.time())))
    return response


@sessions.delete("/dashboard/session", status_code=HTTPStatus.NO_CONTENT)
@open_to(Access.PUBLIC)
async def finish_session(request: Request) -> Response:
    """Have the browser forget its token. The token itself stays good until it expires."""
    response = Response(status_code=HTTPStatus.NO_CONTENT)
    end_session(request, response)
    return response


router.include_router(pages)
router.include_router(sessions)
