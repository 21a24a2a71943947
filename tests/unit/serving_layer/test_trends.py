"""The answer of GET /trends/global: the top films, and the place that each had when an earlier day ended."""

from __future__ import annotations

from typing import Any

from serving_layer.trends import read_trends, trends_answer
from tests.twins.memory_stats import MemoryStats

COUNTED_AT = "2026-01-19T23:59:40+00:00"


def stored(*movie_ids: str, **more: Any) -> dict[str, Any]:
    """Stored trends with these top films."""
    return {
        "type": "global_trends",
        "top_movies": [{"movie_id": movie_id, "year": 1995} for movie_id in movie_ids],
        **more,
    }


def places(answer: dict[str, Any]) -> list[int | None]:
    return [film["previous_place"] for film in answer["top_movies"]]


def test_each_film_tells_its_place_of_the_day_before_and_a_new_one_none() -> None:
    answer = trends_answer(
        stored("up", "same", "down", "new", previous_top=["down", "same", "gone", "up"], compared_with=COUNTED_AT)
    )
    assert places(answer) == [4, 2, 1, None]
    assert answer["compared_with"] == COUNTED_AT
    assert "previous_top" not in answer


def test_without_a_day_before_no_film_has_a_place() -> None:
    for document in (stored("a", "b", previous_top=None, compared_with=None), stored("a", "b")):
        answer = trends_answer(document)
        assert (places(answer), answer["compared_with"]) == ([None, None], None)


def test_a_film_that_was_counted_before_years_were_kept_has_none() -> None:
    assert trends_answer({"top_movies": [{"movie_id": "a"}]})["top_movies"][0]["year"] is None


async def test_before_the_bootstrap_there_are_none() -> None:
    store = MemoryStats()
    assert await read_trends(store) is None
    store.trends = stored("a")
    assert await read_trends(store) == trends_answer(stored("a"))
