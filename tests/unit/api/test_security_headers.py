"""What every answer tells a browser that it may not do with it, and which other sites may ask at all."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient

from cinematch.api.access import Access, open_to
from cinematch.api.application import create_app
from cinematch.api.guarded_route import GuardedRoute
from cinematch.api.security_headers import HEADERS, TLS_HEADERS
from cinematch.settings import Settings
from serving_layer.dashboard.routes import router as dashboard_router
from tests.tokens import secured

SITE = "https://films.example"
PATHS = (
    "/health/live",
    "/openapi.json",
    "/docs",
    "/docs/start.js",
    "/metrics",
    "/trends",
    "/sign-in",
    "/nowhere",
    "/fails",
    "/own",
)


def routes() -> APIRouter:
    router = APIRouter(route_class=GuardedRoute)

    @router.get("/fails")
    @open_to(Access.PUBLIC)
    def fails() -> None:
        raise RuntimeError("a defect")

    @router.get("/own")
    @open_to(Access.USER)
    def own() -> str:
        return "mine"

    return router


def client(app: FastAPI, scheme: str = "http") -> TestClient:
    return TestClient(app, f"{scheme}://testserver", raise_server_exceptions=False)


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_has_them_errors_too(tmp_path: Path, path: str) -> None:
    app = create_app(secured(Settings(), tmp_path), [routes(), dashboard_router])
    plain, secure = (client(app, scheme).get(path).headers for scheme in ("http", "https"))
    for name in HEADERS:
        assert len(plain.get_list(name)) == 1, name
    assert plain["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in plain["content-security-policy"]
    assert "unsafe-eval" not in plain["content-security-policy"]
    for name, value in TLS_HEADERS.items():
        assert name not in plain
        assert secure.get_list(name) == [value]


def test_pages_run_no_script_but_our_files(tmp_path: Path) -> None:
    app = create_app(secured(Settings(), tmp_path), [dashboard_router])
    for path in ("/trends", "/sign-in"):
        page = client(app).get(path)
        assert "script-src 'self';" in page.headers["content-security-policy"]
        assert "<script>" not in page.text
        assert re.search(r"<[^>]+\s(on\w+|style)=", page.text) is None


def test_the_documentation_takes_scripts_by_their_digest_only(tmp_path: Path) -> None:
    page = client(create_app(Settings(), [])).get("/docs")
    foreign = [tag for tag in page.text.split("<") if "https://" in tag]
    assert len(foreign) == 2
    assert all(
        'integrity="sha384-' in tag and 'crossorigin="anonymous"' in tag and "@5.35.0/" in tag for tag in foreign
    )
    assert "'unsafe-inline'" not in page.headers["content-security-policy"].partition("script-src")[2].partition(";")[0]


PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}


def test_no_other_site_is_allowed_by_default() -> None:
    api = client(create_app(Settings(), [routes()]))
    for answer in (
        api.get("/own", headers={"Origin": SITE}),
        api.options("/own", headers={"Origin": SITE} | PREFLIGHT),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_a_site_on_the_list_may_ask_with_a_token_and_without_cookies() -> None:
    api = client(create_app(Settings(cors_origins=(SITE,)), [routes()]))
    allowed = api.options("/own", headers={"Origin": SITE} | PREFLIGHT)
    assert allowed.headers["access-control-allow-origin"] == SITE
    assert "authorization" in allowed.headers["access-control-allow-headers"].lower()
    assert "access-control-allow-credentials" not in allowed.headers
    assert api.get("/own", headers={"Origin": SITE}).headers["access-control-allow-origin"] == SITE
    for other in ("https://evil.example", f"{SITE}.evil.example", "null", "http://films.example"):
        assert "access-control-allow-origin" not in api.get("/own", headers={"Origin": other}).headers
        assert api.options("/own", headers={"Origin": other} | PREFLIGHT).status_code == 400


@pytest.mark.parametrize("origin", ["*", "films.example", "https://films.example/path", "ftp://films.example", ""])
def test_the_list_holds_origins_only(origin: str) -> None:
    with pytest.raises(ValueError, match="cors_origins"):
        Settings(cors_origins=(origin,))
