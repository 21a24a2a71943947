"""The dashboard's session: the cookie's attributes, and that a change with it comes from a page of ours."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient

from cinematch.api.access import Access, open_to
from cinematch.api.application import create_app
from cinematch.api.session_cookie import LOOPBACK_NAME, SECURE_NAME
from cinematch.api.strict_route import StrictRoute
from cinematch.settings import Settings
from serving_layer.dashboard.routes import router as dashboard_router
from tests.tokens import BAD_TOKENS, bearer, secured, token

LOCAL = "http://127.0.0.1:8000"
REMOTE = "https://films.example"


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    router = APIRouter(route_class=StrictRoute)

    @router.get("/own")
    @open_to(Access.OWNER)
    def read(user_id: str) -> str:
        return user_id

    @router.delete("/own")
    @open_to(Access.OWNER)
    def change(user_id: str) -> str:
        return user_id

    return create_app(secured(Settings(), tmp_path), [router, dashboard_router])


def signed_in(app: FastAPI, address: str = LOCAL) -> TestClient:
    client = TestClient(app, address)
    client.post("/dashboard/session", json={"token": token("anna")}).raise_for_status()
    return client


def test_off_loopback_the_cookie_goes_by_tls_and_to_this_host_only(app: FastAPI) -> None:
    client = TestClient(app, REMOTE)
    (cookie,) = client.post("/dashboard/session", json={"token": token("anna")}).headers.get_list("set-cookie")
    assert cookie.startswith(f"{SECURE_NAME}=")
    parts = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"secure", "httponly", "samesite=strict", "path=/"} <= parts
    assert not any(part.startswith("domain") for part in parts)


def test_on_loopback_the_cookie_is_hidden_from_scripts_all_the_same(app: FastAPI) -> None:
    client = TestClient(app, LOCAL)
    (cookie,) = client.post("/dashboard/session", json={"token": token("anna")}).headers.get_list("set-cookie")
    assert cookie.startswith(f"{LOOPBACK_NAME}=")
    parts = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "samesite=strict"} <= parts
    assert "secure" not in parts


def test_a_cookie_of_the_loopback_name_counts_nowhere_else(app: FastAPI) -> None:
    """A page of a neighbouring host could set that one."""
    client = TestClient(app, REMOTE, cookies={LOOPBACK_NAME: token("anna")})
    assert client.get("/own?user_id=anna").status_code == 401


@pytest.mark.parametrize("bad", BAD_TOKENS, ids=lambda bad: bad.name)
def test_no_session_begins_with_a_bad_token(app: FastAPI, bad: object) -> None:
    answer = TestClient(app, LOCAL).post("/dashboard/session", json={"token": bad.make()})  # type: ignore[attr-defined]
    assert answer.status_code in (401, 422)
    assert "set-cookie" not in answer.headers


def test_nobody_can_be_signed_in_by_a_form_of_another_site(app: FastAPI) -> None:
    body = f'{{"token": "{token("mallory")}"}}'
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        answer = TestClient(app, LOCAL).post("/dashboard/session", content=body, headers={"Content-Type": kind})
        assert answer.status_code == 415
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": f"{LOCAL}.evil.example"},
        {"Origin": LOCAL, "Sec-Fetch-Site": "cross-site"},
        {"Origin": LOCAL, "Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Referer": f"{LOCAL}/"},
    ],
)
def test_a_change_with_the_cookie_comes_from_our_own_page(app: FastAPI, headers: dict[str, str]) -> None:
    client = signed_in(app)
    assert client.delete("/own?user_id=anna", headers=headers).status_code == 403
    assert client.get("/own?user_id=anna", headers=headers).status_code == 200
    assert client.delete("/own?user_id=anna", headers=headers | bearer(token("anna"))).status_code == 200


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": LOCAL}])
def test_our_own_pages_may_change_things(app: FastAPI, headers: dict[str, str]) -> None:
    client = signed_in(app)
    assert client.delete("/own?user_id=anna", headers=headers).status_code == 200
    assert client.delete("/own?user_id=bob", headers=headers).status_code == 403


def test_a_token_in_the_header_comes_before_the_cookie(app: FastAPI) -> None:
    client = signed_in(app)
    assert client.get("/own?user_id=anna", headers=bearer(token("bob"))).status_code == 403
    assert client.get("/own?user_id=anna", headers=bearer("")).status_code == 401


def test_who_signs_out_has_no_cookie(app: FastAPI) -> None:
    client = signed_in(app)
    client.delete("/dashboard/session").raise_for_status()
    assert client.get("/own?user_id=anna").status_code == 401


def test_where_nobody_is_asked_there_is_no_session() -> None:
    client = TestClient(create_app(Settings(), [dashboard_router]), LOCAL)
    assert client.post("/dashboard/session", json={"token": token("anna")}).status_code == 401
    assert "data-sign-out" not in client.get("/").text
    assert "/operator" in client.get("/").text
