"""The class of the pages' routes: who may not see a page is led to the sign-in."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from cinematch.api.guard import Forbidden, Unauthorized, calling_user
from cinematch.api.guarded_route import GuardedRoute
from serving_layer.dashboard.next_page import address_of
from serving_layer.dashboard.pages import page

SIGN_IN: Final = "/sign-in"


class PageRoute(GuardedRoute):
    """A page: strangers are led to the sign-in, and those with too small a token are told so there."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Give the handler."""
        handle = super().get_route_handler()

        async def handle_page(request: Request) -> Response:
            await calling_user(request)  # every page shows who is signed in
            try:
                return await handle(request)
            except Unauthorized:
                return RedirectResponse(sign_in_address(address_of(request)), HTTPStatus.SEE_OTHER)
            except Forbidden:
                refused = page(request, "sign_in.html", next_page=address_of(request), is_refused=True)
                refused.status_code = HTTPStatus.FORBIDDEN
                return refused

        return handle_page


def sign_in_address(next_page: str) -> str:
    """Give the address of the sign-in that leads on to a page."""
    return f"{SIGN_IN}?{urlencode({'next': next_page})}"
