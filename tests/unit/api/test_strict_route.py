"""What could be read in two ways is refused before the route is called."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Query
from fastapi.testclient import TestClient
from pydantic import BaseModel, ConfigDict

from cinematch.api.application import create_app
from cinematch.api.problems import ERRORS_SHOWN, FIELD_CHARACTERS_SHOWN
from cinematch.api.strict_route import StrictRoute
from cinematch.settings import Settings

JSON = {"content-type": "application/json"}


class Note(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    text: str
    more: dict[str, int] = {}


@pytest.fixture
def api() -> TestClient:
    router = APIRouter(route_class=StrictRoute)

    @router.post("/notes")
    def write(note: Note) -> str:
        return note.text

    @router.get("/notes/{name:path}")
    def read(name: str, page: Annotated[str, Query()] = "") -> list[str]:
        return [name, page]

    return TestClient(create_app(Settings(), [router]), raise_server_exceptions=False)


def assert_blames(response: Any, status: int, field: str, message: str = "") -> None:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert (field, True) in [(error["field"], message in error["message"]) for error in response.json()["errors"]]


def test_what_is_well_formed_passes(api: TestClient) -> None:
    assert api.post("/notes", json={"text": "è", "more": {"a": 1}}).json() == "è"
    assert api.post("/notes", content=b'{"text": "a"}', headers={"content-type": "application/json; charset=utf-8"})
    assert api.get("/notes/a%2Fb%C3%A8?page=1+2&other=").json() == ["a/bè", "1 2"]


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        (b'{"text": "a", "text": "b"}', "text", "more than once"),
        (b'{"text": "a", "t\\u0065xt": "b"}', "text", "more than once"),
        (b'{"text": "a", "more": {"k": 1, "k": 2}}', "k", "more than once"),
        (b'\xef\xbb\xbf{"text": "a"}', "body", "is not JSON"),
        (b'{"text": "\xe8"}', "body", "is not JSON"),
        ('{"text": "a"}'.encode("utf-16"), "body", "is not JSON"),
        ('{"text": "a"}'.encode("utf-32"), "body", "is not JSON"),
        (b'{"text": "a"} {}', "body", "is not JSON"),
        (b'{"text": "a",}', "body", "is not JSON"),
        (b"{'text': 'a'}", "body", "is not JSON"),
        (b'{"text":' * 8_000, "body", "is not JSON"),
        (b'{"text": "a", "\\ud800": 1}', "body", ""),
        (b'{"text": "a", "\\u202e\\u0000": 1}', "\\u202e\\x00", "not permitted"),
        (b'{"text": "a", "' + b"x" * 5_000 + b'": 1}', "x" * FIELD_CHARACTERS_SHOWN, "not permitted"),
    ],
)
def test_a_body_that_can_be_read_in_two_ways_is_refused(api: TestClient, body: bytes, field: str, message: str) -> None:
    assert_blames(api.post("/notes", content=body, headers=JSON), 422, field, message)


@pytest.mark.parametrize(
    "content_type",
    [
        *("", "json", "*/*", "text/plain", "text/json", "application/xml", "application/jsonp", "application/json/x"),
        *("application/problem+json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"),
    ],
)
def test_a_body_of_another_type_is_unsupported(api: TestClient, content_type: str) -> None:
    headers = {"content-type": content_type} if content_type else {}
    response = api.post("/notes", content=b'{"text": "a"}', headers=headers)
    assert_blames(response, 415, "Content-Type", "application/json")


@pytest.mark.parametrize(
    ("path", "field", "message"),
    [
        ("/notes/a?page=1&page=2", "page", "more than once"),
        ("/notes/a?page=1&p%61ge=1", "page", "more than once"),
        ("/notes/a?page=%ff", "page", "UTF-8"),
        ("/notes/a?page=%C3", "page", "UTF-8"),
        ("/notes/a?page=%ed%a0%80", "page", "UTF-8"),
        ("/notes/%ff", "name", "UTF-8"),
        ("/notes/%c0%af", "name", "UTF-8"),
    ],
)
def test_a_path_or_query_that_can_be_read_in_two_ways_is_refused(
    api: TestClient, path: str, field: str, message: str
) -> None:
    assert_blames(api.get(path), 422, field, message)


def test_a_request_full_of_errors_learns_of_the_first(api: TestClient) -> None:
    response = api.post("/notes", json={"text": "a"} | {f"x{number}": 1 for number in range(3_000)})
    assert response.status_code == 422
    assert len(response.json()["errors"]) == ERRORS_SHOWN
    assert len(response.content) < 10_000


@pytest.mark.parametrize(
    ("method", "path", "status", "field"), [("GET", "/nothing", 404, "path"), ("PUT", "/notes", 405, "method")]
)
def test_what_the_framework_refuses_names_what_is_to_blame(
    api: TestClient, method: str, path: str, status: int, field: str
) -> None:
    assert_blames(api.request(method, path), status, field)
