"""Where a sign-in leads: back to the page that was asked for, with its query, and nowhere but to our own pages.

A page's state is in its query: who comes back without it has to choose their user and language again.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request

PAGES: Final = ("/", "/trends", "/operator")


def address_of(request: Request) -> str:
    """Give path and query of a page that is asked for."""
    path, query = request.url.path, request.url.query
    return f"{path}?{query}" if query else path


def page_after(wanted: str | None) -> str:
    """Give `wanted` if it is a page of ours, with any query or none, else the first page.

    The path must be one of ours letter by letter. So there is no host that `//`, a backslash, a scheme or a character
    that browsers leave out could begin; and what follows the question mark cannot change the path in front of it.
    """
    if wanted is None or wanted.partition("?")[0] not in PAGES:
        return PAGES[0]
    return wanted
