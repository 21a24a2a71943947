"""What the client asks, how often, and what it makes of the answers."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import stamina

from cinematch.client.errors import (
    Conflicting,
    InvalidInput,
    NoAnswer,
    NotAllowed,
    NotThere,
    NotYet,
    ProblemAnswered,
    TooMany,
    Unavailable,
)
from cinematch.client.exchange import Patience
from cinematch.client.http_client import Client, connect
from cinematch.settings import load_settings

CHANGE = {
    "changed": True,
    "event_id": "e",
    "event_type": "ADD",
    "sequence": 3,
    "movie_id": "m",
    "title": "M",
    "detail": "",
}
ONCE = Patience(attempts=1)


@pytest.fixture(autouse=True)
def without_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=5, cap=True):
        yield


class Api:
    """Gives the prepared answers one after another, and keeps the requests."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self._answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self, patience: Patience | None = None) -> Client:
        return Client(httpx.Client(base_url="http://api", transport=httpx.MockTransport(self)), patience)


def problem(status: int, headers: dict[str, str] | None = None, **members: Any) -> httpx.Response:
    body = {"type": "urn:x", "title": "No", "status": status, "detail": "why", **members}
    return httpx.Response(status, json=body, headers={"content-type": "application/problem+json", **(headers or {})})


def test_a_change_is_asked_for_again_under_the_same_key_until_it_is_acknowledged() -> None:
    api = Api(problem(503), httpx.ConnectError("refused"), httpx.ReadTimeout(""), httpx.Response(200, json=CHANGE))
    assert api.client().add("u", "m", rating=8.5).sequence == 3
    assert len(api.requests) == 4
    assert len({request.headers["idempotency-key"] for request in api.requests}) == 1
    assert {request.content for request in api.requests} == {b'{"user_id":"u","movie_id":"m","rating":8.5}'}


def test_two_changes_have_two_keys_and_one_can_be_given() -> None:
    api = Api(*(httpx.Response(200, json=CHANGE) for _ in range(3)))
    client = api.client()
    client.add("u", "m")
    client.remove("u", "m")
    client.add("u", "m", idempotency_key="mine")
    keys = [request.headers["idempotency-key"] for request in api.requests]
    assert len(set(keys)) == 3
    assert keys[2] == "mine"


def test_patience_ends_with_the_last_error() -> None:
    refused = Api(*(httpx.ConnectError("refused") for _ in range(9)))
    with pytest.raises(NoAnswer, match="api does not answer: refused"):
        refused.client(Patience(attempts=3)).trends()
    assert len(refused.requests) == 3
    away = Api(problem(503, {"retry-after": "1"}))
    with pytest.raises(Unavailable) as caught:
        away.client(ONCE).trends()
    assert caught.value.retry_after_seconds == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, NotThere),
        (409, Conflicting),
        (413, InvalidInput),
        (422, InvalidInput),
        (504, NotYet),
        (500, ProblemAnswered),
    ],
)
def test_any_other_problem_is_raised_at_once_with_all_that_it_says(status: int, kind: type[ProblemAnswered]) -> None:
    blamed = [{"field": "title", "message": "is not unique"}]
    api = Api(problem(status, errors=blamed, candidates=[{"movie_id": "m1"}]))
    with pytest.raises(kind) as caught:
        api.client().add("u", "m", title="Heat")
    assert len(api.requests) == 1
    assert caught.value.problem.errors[0].field == "title"
    assert caught.value.problem.model_extra == {"candidates": [{"movie_id": "m1"}]}
    assert pickle.loads(pickle.dumps(caught.value)).problem == caught.value.problem


def test_a_refusal_that_is_none_of_the_apis_is_one_too() -> None:
    with pytest.raises(ProblemAnswered, match="Bad Gateway"):
        Api(httpx.Response(502, text="<html>")).client().trends()


@pytest.mark.parametrize("body", ["", "{}", "[]", "<html>"])
def test_what_is_no_answer_of_the_api_is_no_answer(body: str) -> None:
    with pytest.raises(NoAnswer, match="no GlobalTrends"):
        Api(httpx.Response(200, text=body)).client(ONCE).trends()


@pytest.mark.parametrize(
    ("movie_id", "path"),
    [
        ("a/b", b"/v1/movies/a%2Fb?user_id=u"),
        ("..", b"/v1/movies/%2E%2E?user_id=u"),
        ("a?b#c %", b"/v1/movies/a%3Fb%23c%20%25?user_id=u"),
        ("è", b"/v1/movies/%C3%A8?user_id=u"),
    ],
)
def test_an_id_may_hold_anything(movie_id: str, path: bytes) -> None:
    api = Api(httpx.Response(200, json=CHANGE))
    api.client().remove("u", movie_id)
    assert api.requests[0].url.raw_path == path


def test_no_rating_is_another_thing_than_none() -> None:
    api = Api(httpx.Response(200, json=CHANGE), httpx.Response(200, json=CHANGE))
    client = api.client()
    client.add("u", "m")
    client.add("u", "m", rating=None)
    assert [b"rating" in request.content for request in api.requests] == [False, True]


@pytest.mark.parametrize(
    ("walk", "item", "member"),
    [
        (lambda client: client.users("a", 1), {"user_id": "a", "sequence": 1}, "users"),
        (
            lambda client: client.search("a", 1),
            {
                "movie_id": "m",
                "title": "M",
                "year": None,
                "genres": [],
                "directors": [],
                "runtime_minutes": 0,
                "poster_path": None,
            },
            "films",
        ),
        (
            lambda client: client.movies("u", 1),
            {
                "movie_id": "m",
                "title": "M",
                "genres": [],
                "rating": None,
                "watched_at": "2026-01-01T00:00:00Z",
                "added_at": "2026-01-01T00:00:00Z",
                "sequence": 1,
            },
            "movies",
        ),
    ],
)
def test_pages_are_fetched_as_they_are_needed(
    walk: Callable[[Client], Iterator[Any]], item: dict[str, Any], member: str
) -> None:
    pages = [{member: [item], "next_cursor": cursor} for cursor in ("c1", "c2", None)]
    api = Api(*(httpx.Response(200, json=page) for page in pages))
    items = walk(api.client())
    next(items)
    assert len(api.requests) == 1
    assert len(list(items)) == 2
    assert [request.url.params.get("cursor") for request in api.requests] == [None, "c1", "c2"]
    assert {request.url.params["limit"] for request in api.requests} == {"1"}


def test_statistics_can_be_asked_for_up_to_an_own_change() -> None:
    api = Api(problem(504), problem(504))
    with pytest.raises(NotYet):
        api.client().stats("u", min_sequence=3)
    with pytest.raises(NotYet):
        api.client().stats("u")
    assert [str(request.url.query, "ascii") for request in api.requests] == ["user_id=u&min_sequence=3", "user_id=u"]


@pytest.mark.parametrize("status", [401, 403])
def test_who_is_not_allowed_is_told_at_once(status: int) -> None:
    api = Api(problem(status))
    with pytest.raises(NotAllowed):
        api.client().stats("u")
    assert len(api.requests) == 1


def test_who_asks_too_often_asks_again_later() -> None:
    api = Api(problem(429, {"retry-after": "1"}), httpx.Response(200, json=CHANGE))
    assert api.client().add("u", "m").sequence == 3
    refused = Api(problem(429))
    with pytest.raises(TooMany):
        refused.client(ONCE).add("u", "m")


@pytest.mark.parametrize(
    ("given", "in_environment", "sent"),
    [("mine", "theirs", "Bearer mine"), (None, "theirs", "Bearer theirs"), (None, "", None), ("", "theirs", None)],
)
def test_a_token_is_sent_and_shown_nowhere(
    monkeypatch: pytest.MonkeyPatch, given: str | None, in_environment: str, sent: str | None
) -> None:
    monkeypatch.setenv("CINEMATCH_TOKEN", in_environment)
    with connect("http://127.0.0.1:1", ONCE, given) as client:
        http = client._exchange._http
        assert http.headers.get("authorization") == sent
        with pytest.raises(NoAnswer) as refusal:
            client.trends()
    words = f"{refusal.value} {http.headers!r} {load_settings()!r}"
    assert not any(secret in words for secret in ("mine", "theirs"))
