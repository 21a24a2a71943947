"""Every route by everybody who might call it: who is let in, and who is not.

Behind the guard stands a handler that only says 200, so no server is needed. What the real ones do for whom they let in
is tested with them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import structlog
from fastapi import APIRouter, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.testclient import TestClient
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response

from cinematch.api.access import FRAMEWORK_ROUTES, Access, RouteAccess, accesses, open_to
from cinematch.api.application import create_app
from cinematch.api.guarded_route import GuardedRoute
from cinematch.api.operator import operator_router
from cinematch.settings import Settings
from docs.generator.access_page import IDENTITIES, VERDICTS
from serving_layer.dashboard.page_route import PageRoute
from tests.tokens import BAD_TOKENS, bearer, secured, token

USER = "anna"
PATHS = {"movie_id:path": "heat", "user_id": USER, "letter_id:path": "t/0/1", "digest": "d", "path:path": "x"}
"""What stands for each parameter of a path."""
BODIES = {("POST", "/movies"): {"user_id": USER, "movie_id": "heat"}}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """All layers' routes under AUTH=jwt, with nothing behind them."""

    def let_in(self: APIRoute) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        async def handle(request: Request) -> Response:
            return PlainTextResponse("let in")

        return handle

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(APIRoute, "get_route_handler", let_in)
        made = create_app(secured(Settings(), tmp_path_factory.mktemp("keys")))
        list(accesses(made))  # puts the routes together
    return made


@pytest.fixture(scope="module")
def api(app: FastAPI) -> TestClient:
    return TestClient(app, raise_server_exceptions=False, follow_redirects=False)


def tokens() -> dict[str, list[str | None]]:
    """The tokens of each identity, good for an hour from now."""
    return {
        "no token": [None],
        "bad token": [bad.make() for bad in BAD_TOKENS],
        "the user named": [token(USER)],
        "another user": [token("bob"), token("anna "), token("Anna")],
        "scope metrics": [token("prometheus", scope="metrics")],
        "scope operator": [token("olga", scope="operator")],
    }


def test_every_route_says_who_may_call_it(app: FastAPI) -> None:
    undeclared = [it for it in accesses(app) if it.access is None]
    assert undeclared == []
    assert len(list(accesses(app))) > 50


def test_every_route_of_ours_is_behind_the_guard(app: FastAPI) -> None:
    others = [it.path for it in iter_route_contexts(app.routes) if not isinstance(it.original_route, GuardedRoute)]
    assert sorted(filter(None, others)) == sorted(FRAMEWORK_ROUTES)


def test_the_table_has_a_verdict_for_every_identity_and_every_access() -> None:
    assert set(VERDICTS) == set(Access)
    assert {len(row) for row in VERDICTS.values()} == {len(IDENTITIES)}
    assert tuple(tokens()) == IDENTITIES


@pytest.mark.parametrize("identity", IDENTITIES)
def test_every_route_lets_in_whom_the_table_says(app: FastAPI, api: TestClient, identity: str) -> None:
    attempts = [(route, text) for route in accesses(app) for text in tokens()[identity]]
    faults = [fault for route, text in attempts for fault in faults_of(api, route, identity, text)]
    assert not faults, "\n".join(faults)


def faults_of(api: TestClient, route: RouteAccess, identity: str, text: str | None) -> Iterator[str]:
    """Say where an answer is not the table's."""
    assert route.access is not None
    wanted = VERDICTS[route.access][IDENTITIES.index(identity)]
    answer = send(api, route, None if text is None else bearer(text))
    if route.path in page_paths() and wanted == 401:
        wanted = 303
    if answer.status_code != wanted:
        yield f"{route} by {identity}: {answer.status_code}, not {wanted}"
    if wanted == 401 and not answer.headers.get("www-authenticate", "").startswith("Bearer "):
        yield f"{route} by {identity}: no challenge"
    is_problem = answer.headers.get("content-type") == "application/problem+json"
    if is_problem != (wanted in (401, 403) and route.path not in page_paths()):
        yield f"{route} by {identity}: {answer.headers}"


def page_paths() -> set[str]:
    """Pages for people send them to the sign-in."""
    return {"/", "/operator"}


def send(api: TestClient, route: RouteAccess, headers: Mapping[str, str] | None) -> Any:
    """Ask a route for what belongs to `USER`."""
    path = route.path
    for name, value in PATHS.items():
        path = path.replace(f"{{{name}}}", value)
    assert "{" not in path, f"say in PATHS what stands for the parameters of {path}"
    body = BODIES.get((route.method, path.removeprefix("/v1")))
    query = {} if body or "{user_id" in route.path else {"user_id": USER}
    return api.request(route.method, path, params=query, json=body, headers=dict(headers or {}))


def test_a_route_that_belongs_to_a_user_must_name_them(app: FastAPI) -> None:
    """Otherwise nobody could compare them with the caller."""
    routes = [
        it.original_route for it in iter_route_contexts(app.routes) if isinstance(it.original_route, GuardedRoute)
    ]
    owned = [it for it in routes if it.access is not None and it.access.names_user]
    assert len(owned) >= 10
    assert [it.path for it in owned if not names_user(it.dependant)] == []


def names_user(needs: Dependant) -> bool:
    """Whether `user_id` is a required input of a route, or of what it depends on."""
    if any(it.alias == "user_id" and it.field_info.is_required() for it in [*needs.path_params, *needs.query_params]):
        return True
    models = [it.field_info.annotation for it in needs.body_params]
    in_body = any("user_id" in it.model_fields and it.model_fields["user_id"].is_required() for it in models if it)
    return in_body or any(names_user(inner) for inner in needs.dependencies)


@pytest.mark.parametrize("path", ["/movies/heat?user_id=anna&user_id=bob", "/v1/stats?user_id=bob&user_id=anna"])
def test_naming_two_users_does_not_help(api: TestClient, path: str) -> None:
    method = "DELETE" if "heat" in path else "GET"
    assert api.request(method, path, headers=bearer(token(USER))).status_code == 422


def test_a_second_user_in_another_place_does_not_help(api: TestClient) -> None:
    body = {"user_id": "bob", "movie_id": "heat"}
    for given in ({"user_id": USER}, {}):
        answer = api.post("/movies", params=given, json=body, headers=bearer(token(USER)))
        assert answer.status_code == 403
    answer = api.post("/movies", params={"user_id": "bob"}, json=body | {"user_id": USER}, headers=bearer(token(USER)))
    assert answer.status_code == 403


def test_strangers_are_refused_before_their_body_is_read(api: TestClient) -> None:
    answer = api.post("/movies", content=b"\xff" * 100, headers={"Content-Type": "text/plain"})
    assert answer.status_code == 401


def test_a_refusal_says_what_is_missing(api: TestClient) -> None:
    expired = token(exp=int(time.time()) - 60)
    assert api.get("/stats?user_id=anna").headers["www-authenticate"] == 'Bearer realm="cinematch"'
    refused = api.get("/stats?user_id=anna", headers=bearer(expired))
    assert 'error="invalid_token", error_description="the token has expired"' in refused.headers["www-authenticate"]
    narrow = api.get("/operator/lake", headers=bearer(token(USER)))
    assert 'error="insufficient_scope", scope="operator"' in narrow.headers["www-authenticate"]


def test_a_token_opens_nothing_in_another_place(api: TestClient) -> None:
    text = token(USER)
    for headers in ({"X-Token": text}, {"Authorization": f"Basic {text}"}, {"Authorization": text}):
        assert api.get("/stats?user_id=anna", headers=headers).status_code == 401
    assert api.get(f"/stats?user_id=anna&access_token={text}&token={text}").status_code == 401


def test_what_declares_nothing_is_for_operators(tmp_path: Path) -> None:
    router = APIRouter(route_class=GuardedRoute)

    @router.get("/forgotten")
    def forgotten() -> str:
        return "a secret"

    @router.get("/told")
    @open_to(Access.PUBLIC)
    def told() -> str:
        return "a word"

    app = create_app(secured(Settings(), tmp_path), [router])
    assert RouteAccess("GET", "/forgotten", None) in list(accesses(app))
    client = TestClient(app)
    assert client.get("/told").json() == "a word"
    assert client.get("/forgotten").status_code == 401
    assert client.get("/forgotten", headers=bearer(token(USER))).status_code == 403
    assert client.get("/forgotten", headers=bearer(token("olga", scope="operator"))).json() == "a secret"


def test_a_route_says_once_who_may_call_it() -> None:
    with pytest.raises(ValueError, match="twice"):

        @open_to(Access.OPERATOR)
        @open_to(Access.PUBLIC)
        def told() -> str:
            return "a word"


def test_the_log_tells_which_operator_acts(tmp_path: Path) -> None:
    router = operator_router()

    @router.post("/act")
    @open_to(Access.OPERATOR)
    async def act() -> dict[str, Any]:
        return await run_in_threadpool(structlog.contextvars.get_contextvars)

    @router.get("/look")
    @open_to(Access.USER)
    async def look() -> dict[str, Any]:
        return structlog.contextvars.get_contextvars()

    client = TestClient(create_app(secured(Settings(), tmp_path), [router]))
    assert client.post("/operator/act", headers=bearer(token("olga", scope="operator"))).json()["operator"] == "olga"
    assert "operator" not in client.get("/operator/look", headers=bearer(token("anna"))).json()


def test_without_authentication_everybody_is_let_in() -> None:
    router = APIRouter(route_class=GuardedRoute)

    @router.get("/own")
    @open_to(Access.OWNER)
    def own(user_id: str) -> str:
        return user_id

    assert TestClient(create_app(Settings(), [router])).get("/own?user_id=anna").json() == "anna"
    assert PageRoute.__mro__[1] is GuardedRoute
