"""`/docs`: Swagger UI over `/openapi.json`.

Its files come from a public server, named by version and by digest: a browser refuses others, for they would act here
with the cookie of whoever looks.
"""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from cinematch.api.access import Access, open_to
from cinematch.api.guarded_route import GuardedRoute

PATH: Final = "/docs"
START_PATH: Final = f"{PATH}/start.js"
_SERVER: Final = "https://cdn.jsdelivr.net"
_FILES: Final = f"{_SERVER}/npm/swagger-ui-dist@5.35.0"
_SCRIPT_DIGEST: Final = "sha384-gjRm0bEPMeTmMh5jT2cHccIwCUZSTd8YC+j0d0sXw0MdGEfScduGpSyF3ZSSLkX9"
_STYLE_DIGEST: Final = "sha384-WlYgdmXYOOBWL5apwjDEZwN+U3HmXSSu5R6V5aGxEcf7z+KuRNwBhoxKVN1i3D5I"
_PAGE: Final = f"""\
<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>CineMatch: the API</title>
  <link rel="icon" href="data:,">
  <link rel="stylesheet" href="{_FILES}/swagger-ui.css" integrity="{_STYLE_DIGEST}" crossorigin="anonymous">
  <script defer src="{_FILES}/swagger-ui-bundle.js" integrity="{_SCRIPT_DIGEST}" crossorigin="anonymous"></script>
  <script defer src="{START_PATH}"></script>
</head>
<body>
  <div id="swagger-ui"><p>The description of this API: <a href="/openapi.json">openapi.json</a></p></div>
</body>
</html>
"""
_START: Final = 'SwaggerUIBundle({url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true});\n'
_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        f"script-src 'self' {_SERVER}",
        f"style-src {_SERVER} 'unsafe-inline'",  # Swagger UI sets styles of elements
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

router = APIRouter(include_in_schema=False, route_class=GuardedRoute)


@router.get(PATH, response_class=HTMLResponse)
@open_to(Access.PUBLIC)
async def documentation_page() -> HTMLResponse:
    """Give the page."""
    return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _POLICY})


@router.get(START_PATH)
@open_to(Access.PUBLIC)
async def documentation_start() -> Response:
    """Give the script that starts it: a file, since the page may not hold scripts."""
    return Response(_START, media_type="text/javascript")
