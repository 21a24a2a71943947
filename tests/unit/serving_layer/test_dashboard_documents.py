"""The documents behind the live pages: read whole only when something may have changed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from cinematch.contracts.stored_stats import Stored
from serving_layer.dashboard.documents import CONFIRMED_SECONDS, DashboardDocuments, Sources


class World:
    """One user, a clock that tests move, and a count of whole reads."""

    def __init__(self) -> None:
        self.now = 0.0
        self.latest = 3
        self.complete = True
        self.reads = 0
        self.answer: dict[str, Any] = {}
        self.generation: int | None = None
        self.batch: dict[str, Any] | None = None

    async def get_user_stats(self, user_id: str) -> dict[str, Any]:
        self.reads += 1
        freshness = {
            "batch_generation": self.generation,
            "latest_sequence": self.latest,
            "complete": self.complete,
        }
        return {"user_id": user_id, **self.answer, "freshness": freshness}

    async def batch_stats(self, _: str) -> Stored:
        return Stored(self.batch, self.latest)

    async def global_trends(self) -> None:
        return None

    async def latest_sequence(self, _: str) -> int:
        return self.latest

    def documents(self) -> DashboardDocuments:
        sources = SimpleNamespace(service=self, store=self, events=None, lists=None)
        return DashboardDocuments(cast(Sources, sources), lambda: self.now)


async def test_a_user_without_news_is_not_read_again_until_it_must_be_confirmed() -> None:
    world = World()
    documents = world.documents()
    first = await documents.user("anna")
    world.now += CONFIRMED_SECONDS - 0.1
    assert await documents.user("anna") is first
    assert world.reads == 1
    world.now += 0.2
    await documents.user("anna")
    assert world.reads == 2


async def test_a_new_event_is_read_at_once() -> None:
    world = World()
    documents = world.documents()
    await documents.user("anna")
    world.latest += 1
    assert (await documents.user("anna"))["freshness"]["latest_sequence"] == 4
    assert world.reads == 2


async def test_an_incomplete_answer_is_never_kept() -> None:
    world = World()
    world.complete = False
    documents = world.documents()
    for _ in range(3):
        await documents.user("anna")
    assert world.reads == 3


def ranked(*ratings: float) -> dict[str, Any]:
    """Give statistics whose rankings have a film, and a person, for each rating."""
    films = [{"movie_id": f"m{place}", "rating": rating} for place, rating in enumerate(ratings)]
    people = [{"name": f"p{place}", "avg_rating": rating} for place, rating in enumerate(ratings)]
    figures = ("total_watched", "watch_time_hours", "avg_rating", "favorite_genre", "rating_chart_data", "genre_data")
    return {
        **dict.fromkeys(figures, len(ratings)),
        "top_rated_movies": films,
        "recent_movies": films,
        "best_directors": people,
        "most_watched_actors": people,
    }


async def test_rows_that_the_batch_has_not_or_otherwise_are_named() -> None:
    world = World()
    world.generation, world.batch = 7, {"generation": 7, "stats": ranked(9.0, 8.0)}
    world.answer = ranked(9.0, 8.5, 7.0)
    document = await world.documents().user("anna")
    assert document["since_batch"] == {
        "top_rated_movies": ["m1", "m2"],
        "recent_movies": ["m1", "m2"],
        "best_directors": ["p1", "p2"],
        "most_watched_actors": ["p1", "p2"],
    }
    assert (document["batch"]["avg_rating"], document["batch"]["favorite_genre"]) == (2, 2)


@pytest.mark.parametrize("published", [None, 8])
async def test_another_generation_than_the_answers_tells_nothing_apart(published: int | None) -> None:
    world = World()
    world.generation, world.answer = 7, ranked(9.0)
    world.batch = None if published is None else {"generation": published, "stats": ranked(9.0)}
    document = await world.documents().user("anna")
    assert (document["batch"], document["since_batch"]) == (None, None)


async def test_trends_that_are_not_computed_yet_are_none_and_no_error() -> None:
    assert await World().documents().trends("") is None


@pytest.mark.parametrize("users", [1, 50])
async def test_who_is_not_asked_for_is_forgotten(users: int) -> None:
    world = World()
    documents = world.documents()
    for number in range(users):
        await documents.user(f"user-{number}")
    world.now += CONFIRMED_SECONDS
    await documents.user("anna")
    assert list(documents._kept) == ["anna"]
