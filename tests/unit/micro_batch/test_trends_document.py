"""The published trends: what they say, and that they always fit into one document."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from bson import encode
from hypothesis import given
from hypothesis import strategies as st

from cinematch.adapters.mongodb_trend_counts import TrendState
from cinematch.domain.statistics import genre_rows
from cinematch.domain.trends import FilmCount
from micro_batch.trends_document import (
    BUDGET_BYTES,
    GENRES_PART,
    Source,
    count_bytes,
    film_bytes,
    trends_document,
)

NOW = datetime(2026, 1, 19, 14, 10, tzinfo=timezone(timedelta(hours=1)))
WINDOW_START = datetime(2025, 12, 20, tzinfo=UTC)
MAX_DOCUMENT_BYTES = 16 * 1024 * 1024


def document(films: list[FilmCount], genres: dict[str, int] | None = None, budget: int = BUDGET_BYTES) -> dict:  # type: ignore[type-arg]
    state = TrendState(iter(films), genres or {}, sum(film.count for film in films))
    return trends_document(state, Source.STREAM, WINDOW_START, NOW, budget)


def test_the_document_has_the_fields_of_the_design() -> None:
    films = [FilmCount(f"m{n}", f"Film {n}", 20 - n, f"/{n}.svg" if n % 2 else None) for n in range(12)]
    shown = document(films, {"Drama": 3, "Action": 3, "Comedy": 1})
    assert shown["top_movies"][0] == {
        "movie_id": "m0",
        "title": "Film 0",
        "count": 20,
        "poster_path": None,
        "year": None,
    }
    assert [film["movie_id"] for film in shown["top_movies"]] == [f"m{n}" for n in range(10)]
    assert shown["trending_genres"] == [
        {"genre": "Action", "count": 3, "percentage": 42.9},
        {"genre": "Drama", "count": 3, "percentage": 42.9},
        {"genre": "Comedy", "count": 1, "percentage": 14.3},
    ]
    assert shown["movie_counts"] == {f"m{n}": 20 - n for n in range(12)}
    assert shown["poster_cache"] == {f"m{n}": f"/{n}.svg" for n in range(1, 12, 2)}
    assert shown["total_movies_analyzed"] == sum(range(9, 21))
    assert shown["updated_at"] == "2026-01-19T13:10:00.000+00:00"
    assert (shown["source"], shown["movie_counts_complete"]) == ("streaming_incremental", True)


def test_beyond_the_budget_the_most_popular_films_stay_and_it_says_so() -> None:
    films = [FilmCount(f"m{n:04}", "Film", 1000 - n, None) for n in range(1000)]
    shown = document(films, budget=film_bytes(films[0]) * 400)
    assert list(shown["movie_counts"]) == [f"m{n:04}" for n in range(400)]
    assert shown["movie_counts_complete"] is False
    assert shown["total_movies_analyzed"] == sum(range(1, 1001))
    assert len(shown["top_movies"]) == 10


def test_a_million_long_named_films_fit_into_one_document() -> None:
    """As many as the budget takes, each with the longest id and a long poster path."""
    films = (FilmCount(f"{n:0128}", "Film", 2**40, "/posters/" + "x" * 100) for n in range(1_000_000))
    shown = trends_document(TrendState(films, {}, 7), Source.STREAM, WINDOW_START, NOW)
    assert MAX_DOCUMENT_BYTES * 0.8 < len(encode(shown)) < MAX_DOCUMENT_BYTES


def test_long_named_genres_in_any_number_fit_beside_the_films() -> None:
    """A catalog may name 64 genres for each film, and a genre may have the length of an id."""
    genres = {f"{n:0128}": 2**40 for n in range(30_000)}
    films = (FilmCount(f"{n:0128}", "Film", 2**40, "/posters/" + "x" * 100) for n in range(1_000_000))
    shown = trends_document(TrendState(films, genres, 7), Source.STREAM, WINDOW_START, NOW)
    assert MAX_DOCUMENT_BYTES * 0.8 < len(encode(shown)) < MAX_DOCUMENT_BYTES
    assert (shown["movie_counts_complete"], shown["genre_counts_complete"]) == (False, False)
    assert len(encode(shown["genre_counts"])) < BUDGET_BYTES / GENRES_PART < len(encode(shown["movie_counts"]))


def test_beyond_their_part_the_most_frequent_genres_stay_and_shares_are_of_all() -> None:
    genres = {f"g{n:04}": 1 + n for n in range(1000)}
    budget = count_bytes("g0000") * 20 * GENRES_PART
    shown = document([FilmCount("m1", "Film", 9, None)], genres, budget)
    assert list(shown["genre_counts"].items()) == [(f"g{n:04}", 1 + n) for n in range(999, 979, -1)]
    assert shown["trending_genres"] == genre_rows(genres)[:10]
    assert (shown["movie_counts"], shown["movie_counts_complete"]) == ({"m1": 9}, True)
    assert shown["genre_counts_complete"] is False
    assert document([], {"g0000": 1}, budget)["genre_counts_complete"] is True


ids = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=8)


@given(st.dictionaries(ids, st.tuples(st.integers(1, 2**62), st.none() | st.text(st.characters(codec="utf-8")))))
def test_the_size_of_films_is_never_underestimated(films: dict[str, tuple[int, str | None]]) -> None:
    rows = [FilmCount(movie_id, "", count, poster) for movie_id, (count, poster) in films.items()]
    shown = document(rows)
    empty = len(encode({"movie_counts": {}, "poster_cache": {}}))
    grown = len(encode({"movie_counts": shown["movie_counts"], "poster_cache": shown["poster_cache"]})) - empty
    assert grown <= sum(map(film_bytes, rows)) <= grown + 4 * len(rows)
