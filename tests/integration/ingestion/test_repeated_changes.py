"""A change that comes again under its `Idempotency-Key` is answered as the first time, and carried out once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from cinematch.adapters.mongodb_client import SyncDatabase
from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.adapters.mongodb_schema import ensure_key_retention
from cinematch.api.application import create_app
from cinematch.client.errors import Conflicting, InvalidInput, NotThere
from cinematch.client.http_client import Client
from cinematch.settings import Settings
from ingestion.routes import router


@pytest.fixture
def second_api(database: SyncDatabase, settings: Settings) -> Iterator[TestClient]:
    """Another process of the API, as far as the first one can tell."""
    with TestClient(create_app(settings, [router]), raise_server_exceptions=False) as client:
        yield client


def post(api: TestClient, key: str, movie_id: str = "heat", **fields: Any) -> httpx.Response:
    body = {"user_id": "u", "movie_id": movie_id, **fields}
    response: httpx.Response = api.post("/v1/movies", json=body, headers={"Idempotency-Key": key})
    return response


def delete(api: TestClient, key: str, movie_id: str = "heat") -> httpx.Response:
    params, headers = {"user_id": "u"}, {"Idempotency-Key": key}
    response: httpx.Response = api.delete(f"/v1/movies/{movie_id}", params=params, headers=headers)
    return response


def is_replay(response: httpx.Response) -> bool:
    return bool(response.headers.get("idempotency-replayed") == "true")


def events(database: SyncDatabase, user_id: str = "u") -> int:
    return len(Outbox(database).events_after(user_id, 0))


def test_a_repeated_addition_is_answered_as_the_first_time_also_by_another_process(
    api: TestClient, second_api: TestClient, database: SyncDatabase
) -> None:
    first = post(api, "k1", rating=8)
    assert (first.status_code, is_replay(first)) == (200, False)
    assert post(api, "k2", rating=3).json()["event_type"] == "UPDATE"
    for again in (post(api, "k1", rating=8), post(second_api, "k1", rating=8.0)):
        assert (again.status_code, again.json(), is_replay(again)) == (200, first.json(), True)
    assert events(database) == 2
    assert api.get("/movies", params={"user_id": "u"}).json()["movies"][0]["rating"] == 3.0


def test_what_changed_nothing_the_first_time_changes_nothing_later(api: TestClient, database: SyncDatabase) -> None:
    post(api, "k1", rating=8)
    nothing = post(api, "k2", rating=8)
    assert nothing.json()["changed"] is False
    delete(api, "k3")
    again = post(api, "k2", rating=8)
    assert (again.json(), is_replay(again)) == (nothing.json(), True)
    assert events(database) == 2


def test_a_repeated_removal_is_no_404_and_removes_nothing_new(api: TestClient, database: SyncDatabase) -> None:
    post(api, "k1")
    removed = delete(api, "k2")
    post(api, "k3")
    again = delete(api, "k2")
    assert (again.status_code, again.json(), is_replay(again)) == (200, removed.json(), True)
    assert events(database) == 3
    assert len(api.get("/movies", params={"user_id": "u"}).json()["movies"]) == 1


def test_another_request_under_the_same_key_is_refused(api: TestClient, database: SyncDatabase) -> None:
    post(api, "k", rating=8)
    others = [
        post(api, "k", rating=9),
        post(api, "k", rating=None),
        post(api, "k"),
        post(api, "k", "ombra", rating=8),
        post(api, "k", rating=8, title="Heat"),
        delete(api, "k"),
    ]
    for refused in others:
        assert refused.status_code == 422, refused.text
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["type"] == "urn:cinematch:problem:idempotency-key-reused"
        assert refused.json()["errors"][0]["field"] == "Idempotency-Key"
    assert events(database) == 1


def test_one_users_key_says_nothing_to_another(api: TestClient, database: SyncDatabase) -> None:
    post(api, "k", rating=8)
    other = post(api, "k", rating=8, user_id="v")
    assert (other.json()["sequence"], is_replay(other)) == (1, False)
    assert (events(database, "u"), events(database, "v")) == (1, 1)


def test_a_refused_change_leaves_its_key_free(api: TestClient, database: SyncDatabase) -> None:
    assert delete(api, "k").status_code == 404
    assert post(api, "k2", "elsewhere").status_code == 404
    assert post(api, "k", rating=8).json()["event_type"] == "ADD"
    assert post(api, "k2", "ombra").json()["event_type"] == "ADD"
    assert database["idempotency_keys"].count_documents({}) == 2


def test_the_same_request_at_the_same_time_is_carried_out_once(
    api: TestClient, second_api: TestClient, database: SyncDatabase
) -> None:
    def send(number: int) -> httpx.Response:
        return post(second_api if number % 2 else api, f"k{number // 8}", f"m{number // 8:03}", rating=7)

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(send, range(32)))
    assert {answer.status_code for answer in answers} == {200}
    assert sum(not is_replay(answer) for answer in answers) == 4
    for start in range(0, 32, 8):
        assert len({answer.text for answer in answers[start : start + 8]}) == 1
    assert events(database) == 4


def test_the_key_is_kept_with_the_change_or_not_at_all(api: TestClient, database: SyncDatabase) -> None:
    """A change that fails at its last write keeps no answer, and the next attempt is the first."""
    database.command("collMod", "outbox", validator={"sequence": {"$lt": 0}})
    assert post(api, "k", rating=8).status_code == 500
    assert database["idempotency_keys"].count_documents({}) == 0
    database.command("collMod", "outbox", validator={})
    assert not is_replay(post(api, "k", rating=8))


def test_without_a_key_nothing_is_kept(api: TestClient, database: SyncDatabase) -> None:
    api.post("/movies", json={"user_id": "u", "movie_id": "heat"})
    api.delete("/movies/heat", params={"user_id": "u"})
    assert database["idempotency_keys"].count_documents({}) == 0


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "\x7f", "è".encode(), b"\xff"])
def test_a_bad_key_is_named(api: TestClient, database: SyncDatabase, key: str | bytes) -> None:
    body = {"user_id": "u", "movie_id": "heat"}
    headers = [(b"Idempotency-Key", key.encode() if isinstance(key, str) else key)]
    response = api.post("/movies", json=body, headers=headers)
    assert response.status_code == 422, response.text
    assert response.json()["errors"][0]["field"] == "Idempotency-Key"
    assert events(database) == 0


def test_two_keys_in_one_request_are_refused(api: TestClient, database: SyncDatabase) -> None:
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    response = api.post("/movies", json={"user_id": "u", "movie_id": "heat"}, headers=headers)
    assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "Idempotency-Key")
    assert events(database) == 0


def test_how_long_a_key_is_kept_is_a_setting(api: TestClient, database: SyncDatabase, settings: Settings) -> None:
    def seconds() -> int:
        kept: int = database["idempotency_keys"].index_information()["retention"]["expireAfterSeconds"]
        return kept

    assert seconds() == settings.idempotency_keep_seconds == 86_400
    ensure_key_retention(database, 60)
    assert seconds() == 60


def test_the_client_and_the_api_understand_each_other(api: TestClient) -> None:
    client = Client(api)
    added = client.add("u", "heat", rating=8.5, idempotency_key="k")
    assert client.add("u", "heat", rating=8.5, idempotency_key="k") == added
    assert client.add("u", "elsewhere", title="citta d ombra").title == "Città d'Ombra"
    client.add("u", "a/b")
    assert [movie.movie_id for movie in client.movies("u", page_size=1)] == ["a/b", "heat", "ombra"]
    assert client.remove("u", "a/b").sequence == 4
    assert [user.user_id for user in client.users("u")] == ["u"]
    assert len(list(client.search("film no", page_size=7))) == 30
    with pytest.raises(NotThere) as missing:
        client.remove("u", "a/b")
    assert missing.value.problem.errors[0].field == "movie_id"
    with pytest.raises(Conflicting) as ambiguous:
        client.add("u", "elsewhere", title="heat")
    assert len(ambiguous.value.problem.model_extra["candidates"]) == 2  # type: ignore[index] # extra="allow"
    with pytest.raises(InvalidInput):
        client.add("u", "heat", rating=7.55)
