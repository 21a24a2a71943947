"""One user's statistics from the documents of `movies`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hypothesis import given, settings

from cinematch.contracts.movie_document import movie_document
from cinematch.domain.events import Event
from cinematch.domain.statistics import statistics_of
from cinematch.domain.watchlist import Film, replay
from micro_batch.user_stats import compute_user_stats
from tests.histories import add, film
from tests.strategies import History, histories


class CatalogOf:
    """A catalog that notes what it is asked for."""

    def __init__(self, films: Mapping[str, Film]) -> None:
        self._films = films
        self.asked: list[str] = []

    def films_by_id(self, movie_ids: Iterable[str]) -> dict[str, Film]:
        self.asked += movie_ids
        return {movie_id: self._films[movie_id] for movie_id in movie_ids if movie_id in self._films}


def documents(events: Iterable[Event]) -> list[dict[str, object]]:
    """Give the documents that the events leave: the last effective one of each film."""
    last: dict[str, Event] = {}
    for event in events:
        last[event.movie_id] = event
    return [movie_document(event) for event in last.values() if event.event_type != "DELETE"]


@settings(max_examples=40, deadline=None)
@given(histories())
def test_statistics_equal_those_of_the_replayed_log(history: History) -> None:
    catalog = CatalogOf(history.films)
    expected = statistics_of(replay(history.events), history.films)
    assert compute_user_stats(documents(history.events), catalog, history.films) == expected
    assert catalog.asked == []
    assert compute_user_stats(documents(history.events), catalog, {}) == expected


def test_the_catalog_is_asked_only_for_what_the_map_lacks() -> None:
    catalog = CatalogOf({"b": film("b", runtime_minutes=90)})
    movies = documents([add(1, "a"), add(2, "b"), add(3, "c")])
    stats = compute_user_stats(movies, catalog, {"a": film("a", runtime_minutes=60)})
    assert sorted(catalog.asked) == ["b", "c"]
    assert (stats["total_watched"], stats["watch_time_hours"]) == (3, 2.5)
