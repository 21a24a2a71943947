"""Renders a page: its template, in the visitor's language and theme, under the dashboard's policy."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from cinematch.api.guard import Guard, known_caller
from cinematch.contracts.access_token import Scope
from serving_layer.dashboard.assets import PACKAGE, assets
from serving_layer.dashboard.language import COOKIE, LANGUAGES, NAMES, chosen_language, translator
from serving_layer.dashboard.security import SECURITY_HEADERS

THEMES: Final = ("light", "dark", "auto")
_A_YEAR_SECONDS: Final = 365 * 86_400
_ENVIRONMENT: Final = Environment(
    loader=FileSystemLoader(PACKAGE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(request: Request, template: str, **context: Any) -> HTMLResponse:
    """Render a page or a fragment of one.

    Templates know `t` (words), `asset` (addresses of files), `language`, `theme`, `here` (the page's path),
    `in_language` (this very page in another language), `caller` (who is signed in), `asks_for_tokens` and `is_operator`
    (as everybody is where nobody is asked). A language that the address names is remembered.
    """
    guard: Guard = request.app.state.guard
    caller = known_caller(request)
    language = chosen_language(request)
    body = _ENVIRONMENT.get_template(template).render(
        t=translator(language),
        asset=assets().url,
        language=language,
        languages=NAMES,
        themes=THEMES,
        theme=_chosen_theme(request),
        here=request.url.path,
        asks_for_tokens=guard.is_on,
        caller=caller,
        is_operator=not guard.is_on or (caller is not None and caller.has(Scope.OPERATOR)),
        in_language=lambda other: "?" + urlencode({**request.query_params, "lang": other}),
        **context,
    )
    # The page names this version's files, so a browser asks for it again each time.
    headers = {**SECURITY_HEADERS, "Cache-Control": "private, no-cache", "Vary": "Cookie, Accept-Language"}
    response = HTMLResponse(body, headers=headers)
    if request.query_params.get("lang") in LANGUAGES:
        response.set_cookie(COOKIE, language, max_age=_A_YEAR_SECONDS, samesite="lax")
    return response


def _chosen_theme(request: Request) -> str:
    theme = request.cookies.get("theme")
    return theme if theme in THEMES else "auto"
