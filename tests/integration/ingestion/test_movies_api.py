"""POST, DELETE and GET /movies, GET /catalog on a real MongoDB."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient

from cinematch.adapters.mongodb_catalog_writer import CatalogWriter
from cinematch.adapters.mongodb_client import SyncDatabase
from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.domain.events import Event, EventType
from cinematch.domain.watchlist import Film, replay

Answer = dict[str, Any]


def post(api: TestClient, movie_id: str = "heat", user_id: str = "u", **fields: Any) -> Answer:
    response = api.post("/movies", json={"user_id": user_id, "movie_id": movie_id, **fields})
    assert response.status_code == 200, response.text
    answer: Answer = response.json()
    return answer


def movies(api: TestClient, user_id: str = "u", **params: Any) -> Answer:
    answer: Answer = api.get("/movies", params={"user_id": user_id, **params}).json()
    return answer


def log(database: SyncDatabase, user_id: str = "u") -> list[Event]:
    return Outbox(database).events_after(user_id, 0)


def test_a_new_film_is_added_with_its_event(api: TestClient, database: SyncDatabase) -> None:
    answer = post(api, rating=8.5, watched_at="2026-01-19T20:30:00.1239+01:00")
    (event,) = log(database)
    assert answer["changed"] is True
    assert (answer["event_id"], answer["event_type"], answer["sequence"]) == (event.event_id, "ADD", 1)
    assert (event.movie_name, event.genres, event.rating) == ("Heat", ("Crime", "Drama"), 8.5)
    assert event.watched_at is not None
    assert event.watched_at.isoformat() == "2026-01-19T19:30:00.123000+00:00"
    (listed,) = movies(api)["movies"]
    assert listed["watched_at"] == "2026-01-19T19:30:00.123000Z"
    assert (listed["movie_id"], listed["title"], listed["rating"], listed["sequence"]) == ("heat", "Heat", 8.5, 1)


def test_another_rating_updates_and_the_same_changes_nothing(api: TestClient, database: SyncDatabase) -> None:
    post(api, rating=7)
    updated = post(api, rating=9.5)
    same = post(api, rating=9.5)
    assert (updated["event_type"], updated["sequence"]) == ("UPDATE", 2)
    assert (same["changed"], same["event_id"], same["event_type"], same["sequence"]) == (False, None, None, 2)
    assert "nothing was changed" in same["detail"]
    assert [(event.rating, event.previous_rating) for event in log(database)] == [(7.0, None), (9.5, 7.0)]


def test_no_rating_keeps_it_and_null_removes_it(api: TestClient, database: SyncDatabase) -> None:
    post(api, rating=7)
    assert post(api)["changed"] is False
    assert movies(api)["movies"][0]["rating"] == 7.0
    assert post(api, rating=None)["event_type"] == "UPDATE"
    assert movies(api)["movies"][0]["rating"] is None
    assert [event.rating for event in log(database)] == [7.0, None]


def test_delete_carries_the_entry_and_a_second_one_is_not_found(api: TestClient, database: SyncDatabase) -> None:
    post(api, rating=7, watched_at="2026-01-19T20:30:00Z")
    answer = api.delete("/movies/heat", params={"user_id": "u"})
    assert answer.status_code == 200
    assert (answer.json()["event_type"], answer.json()["sequence"]) == ("DELETE", 2)
    added, deleted = log(database)
    assert deleted.event_type is EventType.DELETE
    assert (deleted.rating, deleted.previous_rating) == (None, 7.0)
    assert (deleted.movie_name, deleted.genres) == (added.movie_name, added.genres)
    assert (deleted.watched_at, deleted.added_at) == (added.watched_at, added.added_at)
    assert movies(api)["movies"] == []
    again = api.delete("/movies/heat", params={"user_id": "u"})
    assert again.status_code == 404
    assert again.json()["errors"][0]["field"] == "movie_id"
    assert len(log(database)) == 2


def test_an_id_may_hold_a_slash(api: TestClient) -> None:
    post(api, "a/b")
    assert api.delete("/movies/a%2Fb", params={"user_id": "u"}).status_code == 200


def test_a_film_that_the_catalog_lacks_is_found_by_its_title(api: TestClient) -> None:
    answer = post(api, "elsewhere", title="CITTA D OMBRA")
    assert (answer["movie_id"], answer["title"]) == ("ombra", "Città d'Ombra")


@pytest.mark.parametrize("title", [None, "No such film", "!!!"])
def test_a_film_that_nothing_finds_is_not_found(api: TestClient, database: SyncDatabase, title: str | None) -> None:
    response = api.post("/movies", json={"user_id": "u", "movie_id": "elsewhere", "title": title})
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["errors"][0]["field"] == "movie_id"
    assert log(database) == []


def test_a_title_of_several_films_names_the_candidates(api: TestClient) -> None:
    response = api.post("/movies", json={"user_id": "u", "movie_id": "elsewhere", "title": "heat"})
    assert response.status_code == 409
    assert [candidate["movie_id"] for candidate in response.json()["candidates"]] == ["heat", "heat-1986"]


def test_pages_hold_every_film_once_in_order(api: TestClient) -> None:
    for number in range(25):
        post(api, f"m{number:03}")
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = movies(api, limit=10, **({"cursor": cursor} if cursor else {}))
        seen += [movie["movie_id"] for movie in page["movies"]]
        cursor = page["next_cursor"]
    assert seen == [f"m{number:03}" for number in range(25)]


def test_one_users_list_is_not_in_anothers(api: TestClient) -> None:
    post(api, user_id="u")
    post(api, "ombra", user_id="v")
    assert [movie["movie_id"] for movie in movies(api, "u")["movies"]] == ["heat"]
    assert movies(api, "nobody") == {"user_id": "nobody", "movies": [], "next_cursor": None}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("citta d ombra", ["ombra"]),
        ("Ombra", ["ombra"]),
        ("omb", ["ombra"]),
        ("heat", ["heat", "heat-1986"]),
        ("no film 7", ["m007"]),
        ("A.I.", ["dollar"]),
        (".*", []),
        ("zzz", []),
    ],
)
def test_the_catalog_is_searched_by_normalised_title(api: TestClient, text: str, expected: list[str]) -> None:
    films = api.get("/catalog", params={"q": text}).json()["films"]
    assert [film["movie_id"] for film in films] == expected


@pytest.mark.parametrize("limit", [1, 7, 50])
@pytest.mark.parametrize("text", ["film no", "no film", "heat", "no"])
def test_pages_of_a_search_hold_every_film_once_in_the_order_of_the_whole(
    api: TestClient, text: str, limit: int
) -> None:
    whole = api.get("/catalog", params={"q": text, "limit": 50}).json()["films"]
    seen: list[Any] = []
    page: Answer = {"next_cursor": ""}
    while page["next_cursor"] is not None:
        parameters = {"q": text, "limit": limit} | ({"cursor": page["next_cursor"]} if page["next_cursor"] else {})
        page = api.get("/catalog", params=parameters).json()
        assert len(page["films"]) <= limit
        seen += page["films"]
    assert len(whole) > 1
    assert seen == whole


def test_a_search_gives_the_titles_that_begin_so_before_those_that_have_the_words(
    api: TestClient, database: SyncDatabase
) -> None:
    CatalogWriter(database).add_missing(
        Film(movie_id, title) for movie_id, title in [("n1", "A No"), ("n2", "No"), ("n3", "Zero No"), ("n4", "No")]
    )
    first = api.get("/catalog", params={"q": "no", "limit": 3}).json()
    second = api.get("/catalog", params={"q": "no", "limit": 50, "cursor": first["next_cursor"]}).json()
    found = [film["movie_id"] for film in first["films"] + second["films"]]
    assert found == ["n2", "n4", "n1", *(f"m{number:03}" for number in sorted(range(30), key=str)), "n3"]
    assert second["next_cursor"] is None


def test_changes_of_one_user_at_the_same_time_happen_one_after_another(api: TestClient, database: SyncDatabase) -> None:
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda number: post(api, f"m{number % 20:03}", rating=5 + number // 20), range(60)))
    events = log(database)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert len(events) == sum(answer["changed"] for answer in answers)
    assert database["user_sequences"].find_one({"_id": "u"}) == {"_id": "u", "sequence": len(events)}
    stored = {movie["movie_id"]: movie["rating"] for movie in movies(api)["movies"]}
    replayed = replay(events).entries.values()
    assert stored == {entry.movie_id: (entry.rating_tenths or 0) / 10 for entry in replayed}
    assert len(stored) == 20


def test_users_are_found_by_the_beginning_of_their_id_in_pages(api: TestClient) -> None:
    for user_id in ("anna", "anne", "ann\U0010fffd", "bob", "Ann"):
        post(api, "m001", user_id=user_id)
    first = api.get("/users", params={"q": "ann", "limit": 2}).json()
    second = api.get("/users", params={"q": "ann", "limit": 2, "cursor": first["next_cursor"]}).json()
    assert [user["user_id"] for user in first["users"] + second["users"]] == ["anna", "anne", "ann\U0010fffd"]
    assert (second["next_cursor"], first["users"][0]["sequence"]) == (None, 1)
    assert len(api.get("/users").json()["users"]) == 5
    assert api.get("/users", params={"q": "nobody"}).json() == {"users": [], "next_cursor": None}
