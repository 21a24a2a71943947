"""Posters as the API serves them."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from ingestion.posters import poster_path

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(("movie_id", "title"), [("heat", "Heat"), ("a/b", "Slashed"), ("ombra", "Città")])
def test_every_film_of_the_catalog_has_a_poster(api: TestClient, movie_id: str, title: str) -> None:
    answer = api.get(poster_path(movie_id))
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert title in answer.text


def test_unknown_film_has_none(api: TestClient) -> None:
    answer = api.get("/posters/nothing.svg")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
