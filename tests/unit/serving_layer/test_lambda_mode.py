"""Mode lambda: batch document and speed view joined, case by case; each answer against a replay."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import REGISTRY

from cinematch.contracts.batch_document import batch_document
from cinematch.contracts.generations import list_chunks
from cinematch.contracts.speed_view import SpeedSnapshot
from cinematch.domain.events import Event
from cinematch.domain.statistics import statistics_of
from cinematch.domain.summary import summarise
from cinematch.domain.watchlist import replay
from cinematch.errors import StoreUnavailable, UserNotFound
from serving_layer.films import FilmCache
from serving_layer.lambda_mode import LambdaStats
from serving_layer.metrics import count_answer
from serving_layer.service import UserStatsService
from tests.histories import add, delete, film, update
from tests.twins.memory_speed_view import MemorySpeedView
from tests.twins.memory_stats import MemoryStats

NOW = datetime(2026, 1, 20, 3, tzinfo=UTC)
FILMS = {
    f"m{n}": film(f"m{n}", genres=("Drama",), directors=("A. Rossi",), actors=("B. Bianchi",), runtime_minutes=90)
    for n in range(200)
}


def added(sequence: int, movie_id: str, rating: float | None = None) -> Event:
    return add(sequence, movie_id, rating, movie_name=FILMS[movie_id].title, genres=FILMS[movie_id].genres)


class Reader:
    """The speed view as the serving layer reads it."""

    def __init__(self, view: MemorySpeedView) -> None:
        self.view = view
        self.is_up = True

    async def read(self, user_id: str) -> SpeedSnapshot | None:
        if not self.is_up:
            raise StoreUnavailable("redis", "it is down")
        return self.view.read(user_id)


class Scene:
    """A user with a log, a batch of its beginning, and a speed view of a part of it."""

    def __init__(self, log: list[Event]) -> None:
        self.log = log
        self.stats = MemoryStats(catalog=FILMS, sequences={"user": len(log)} if log else {})
        self.speed = Reader(MemorySpeedView())
        self.source = LambdaStats(self.stats, self.speed, FilmCache(self.stats))
        self.service = UserStatsService(self.source, 0.0, answered=count_answer)

    def batch(self, events: int) -> int:
        number = self.stats.generations.create("test", NOW, None, None).number
        watchlist = replay(self.log[:events])
        document = batch_document("user", summarise(watchlist, FILMS), number, NOW)
        self.stats.generations.write(number, [document], list_chunks("user", watchlist))
        self.stats.generations.publish(number, NOW)
        return number

    def apply(self, first: int, last: int) -> None:
        self.speed.view.apply({"user": self.log[first - 1 : last]})

    async def answer(self) -> dict[str, Any]:
        return await self.service.get_user_stats("user")


def assert_is_replay(answer: dict[str, Any], log: list[Event], complete: bool) -> None:
    covers = answer["freshness"]
    expected = statistics_of(replay(log[: covers["applied_sequence"]]), FILMS)
    assert {name: answer[name] for name in expected} == expected
    assert covers["complete"] is complete


def merges(outcome: str) -> float:
    return REGISTRY.get_sample_value("cinematch_merges_total", {"outcome": outcome}) or 0.0


A, B, C = added(1, "m1", 8.5), added(2, "m2", 6.0), added(3, "m3")
TAILS = {
    "no delta": [],
    "a film is added": [added(4, "m4", 9.0)],
    "an unrated film is added": [added(4, "m4")],
    "a film is added and removed again": [added(4, "m4", 9.0), delete(5, added(4, "m4", 9.0))],
    "a film of the batch is removed": [delete(4, A)],
    "a film of the batch is rated anew": [update(4, A, 2.0)],
    "a film of the batch loses its rating": [update(4, A, None)],
    "an unrated film of the batch is rated": [update(4, C, 10.0)],
    "a film of the batch is exchanged for another": [delete(4, A), added(5, "m5", 1.0)],
    "the list is emptied": [delete(4, A), delete(5, B), delete(6, C)],
}


@pytest.mark.parametrize("tail", TAILS.values(), ids=TAILS)
@pytest.mark.parametrize("advanced", [True, False], ids=["advanced", "not yet advanced"])
async def test_batch_and_tail_give_what_a_replay_gives(tail: list[Event], advanced: bool) -> None:
    scene = Scene([A, B, C, *tail])
    scene.apply(1, len(scene.log))
    scene.batch(3)
    if advanced:
        scene.speed.view.advance({"user": 3})
    met = "boundary_only" if not tail else "at_boundary" if advanced else "batch_ahead"
    before = merges(met)
    answer = await scene.answer()
    assert merges(met) == before + 1
    assert_is_replay(answer, scene.log, complete=True)
    assert answer["realtime_delta_count"] == answer["total_watched"] - 3
    assert (answer["batch_updated_at"], answer["freshness"]["batch_generation"]) == (NOW, 1)
    assert (answer["freshness"]["as_of_sequence"], answer["freshness"]["applied_sequence"]) == (3, len(scene.log))


async def test_without_a_batch_document_the_tail_is_the_answer() -> None:
    scene = Scene([A, B])
    scene.apply(1, 2)
    answer = await scene.answer()
    assert_is_replay(answer, scene.log, complete=True)
    assert (answer["batch_updated_at"], answer["freshness"]["batch_generation"]) == (None, None)
    assert (answer["freshness"]["as_of_sequence"], answer["realtime_delta_count"]) == (0, 2)


async def test_a_user_whom_no_view_knows_yet_is_empty_and_incomplete() -> None:
    answer = await Scene([A]).answer()
    assert_is_replay(answer, [A], complete=False)
    assert (answer["total_watched"], answer["last_updated"]) == (0, None)


async def test_a_user_without_any_event_is_not_found() -> None:
    with pytest.raises(UserNotFound):
        await Scene([]).answer()


async def test_an_answer_is_as_new_as_its_newest_part() -> None:
    scene = Scene([A, B])
    scene.batch(1)
    scene.apply(2, 2)
    assert (await scene.answer())["last_updated"] == NOW
    late = NOW.replace(hour=5)
    scene.log[1] = replace(B, event_time=late)
    scene.speed.view.views.clear()
    scene.apply(2, 2)
    assert (await scene.answer())["last_updated"] == late


async def test_with_redis_empty_the_batch_is_the_answer_and_not_complete() -> None:
    scene = Scene([A, B, C])
    scene.batch(2)
    answer = await scene.answer()
    assert_is_replay(answer, scene.log, complete=False)
    assert answer["freshness"]["applied_sequence"] == 2


@pytest.mark.parametrize("batched", [2, 3])
async def test_with_redis_down_the_batch_is_the_answer_and_not_complete(batched: int) -> None:
    scene = Scene([A, B, C])
    scene.batch(batched)
    scene.apply(1, 3)
    scene.speed.is_up = False
    answer = await scene.answer()
    assert_is_replay(answer, scene.log, complete=False)
    assert answer["freshness"]["applied_sequence"] == batched


async def test_a_speed_view_that_has_lost_events_is_not_merged_and_gets_repaired() -> None:
    scene = Scene([A, B, C])
    scene.batch(1)
    scene.apply(3, 3)
    answer = await scene.answer()
    assert_is_replay(answer, scene.log, complete=False)
    assert answer["freshness"]["applied_sequence"] == 1
    assert scene.stats.repairs == {"user"}


async def test_a_publication_between_the_two_reads_is_read_again() -> None:
    scene = Scene([A, B, C])
    scene.batch(1)
    scene.apply(1, 3)

    async def read_late(user_id: str) -> SpeedSnapshot | None:
        if scene.stats.generations.published() == scene.stats.generations.get(1):
            scene.batch(2)
            scene.speed.view.advance({"user": 2})
        return scene.speed.view.read(user_id)

    scene.speed.read = read_late  # type: ignore[method-assign]
    answer = await scene.answer()
    assert_is_replay(answer, scene.log, complete=True)
    assert answer["freshness"]["batch_generation"] == 2
    assert scene.stats.repairs == set()


async def test_the_whole_list_is_read_when_deletions_have_eaten_the_margin() -> None:
    adds = [added(n + 1, f"m{n}", 10 - n % 90 / 10) for n in range(200)]
    best = sorted(adds, key=lambda event: (-(event.rating or 0), -event.sequence))
    scene = Scene([*adds, *(delete(201 + n, event) for n, event in enumerate(best[:60]))])
    scene.batch(200)
    scene.apply(201, 260)
    assert_is_replay(await scene.answer(), scene.log, complete=True)
    scene.stats.whole_list = nothing  # type: ignore[assignment, method-assign]
    answer = await scene.answer()  # the generation has been dropped meanwhile
    assert_is_replay(answer, scene.log, complete=False)
    assert answer["freshness"]["applied_sequence"] == 200


async def nothing(*_: object) -> list[Any]:
    return []


@pytest.mark.parametrize("tail", TAILS.values(), ids=TAILS)
async def test_a_film_corrected_since_the_batch_is_neither_taken_away_nor_added_as_another_one(
    tail: list[Event],
) -> None:
    """What is taken away must be what the batch had added: hours would otherwise become negative."""
    scene = Scene([A, B, C, *tail])
    scene.apply(1, len(scene.log))
    scene.batch(3)
    corrected = {
        movie_id: replace(old, runtime_minutes=300, directors=("C. Verdi",), changed_at=NOW.replace(hour=5))
        for movie_id, old in FILMS.items()
    }
    scene.stats.catalog = corrected
    answer = await scene.answer()
    catalog = corrected if tail else FILMS
    expected = statistics_of(replay(scene.log), catalog)
    assert {name: answer[name] for name in expected} == expected
    assert answer["freshness"]["complete"]
