"""Each statistic, on lists small enough to check by hand."""

from typing import Any

from cinematch.domain.events import Event
from cinematch.domain.statistics import statistics_of
from cinematch.domain.watchlist import replay
from tests.histories import add, delete, film, update


def stats(events: list[Event], **films: dict[str, Any]) -> dict[str, Any]:
    return statistics_of(replay(events), {movie_id: film(movie_id, **fields) for movie_id, fields in films.items()})


def test_an_empty_list_has_zeros_and_no_favourite() -> None:
    empty = stats([])
    assert empty["total_watched"] == 0
    assert empty["avg_rating"] is None
    assert empty["favorite_genre"] is None
    assert empty["watch_time_hours"] == 0.0
    assert empty["rating_chart_data"] == [{"rating": n, "count": 0} for n in range(1, 11)]
    assert empty["top_rated_movies"] == empty["recent_movies"] == empty["most_watched_actors"] == []
    assert empty["best_rated_directors"] == {}
    assert empty["stats_version"] == "3.2"


def test_mean_is_of_rated_films_only_and_rounds_half_up() -> None:
    events = [add(1, "a", 7.0), add(2, "b"), add(3, "c", 7.0), add(4, "d", 7.5)]
    assert stats(events)["avg_rating"] == 7.17
    assert stats(events)["total_watched"] == 4
    eighths = [add(n, f"m{n}", 1.0 if n < 8 else 2.0) for n in range(1, 9)]
    assert stats(eighths)["avg_rating"] == 1.13  # 1.125


def test_a_rating_counts_in_the_bucket_it_rounds_up_to() -> None:
    chart = stats([add(1, "a", 0.5), add(2, "b", 1.0), add(3, "c", 9.1), add(4, "d")])["rating_chart_data"]
    assert {row["rating"]: row["count"] for row in chart if row["count"]} == {1: 2, 10: 1}


def test_equal_ratings_are_ordered_by_later_watched_then_movie_id() -> None:
    events = [add(1, "b", 9.0), add(2, "z", 9.0), add(3, "y", 9.5), add(4, "unrated")]
    tied = add(5, "a", 9.0, watched_at=events[0].watched_at)
    top = [row["movie_id"] for row in stats([*events, tied])["top_rated_movies"]]
    assert top == ["y", "z", "a", "b"]


def test_recent_films_go_by_the_time_they_were_watched() -> None:
    events = [add(n, f"m{n:02}") for n in range(1, 13)]
    recent = stats(events)["recent_movies"]
    assert [row["movie_id"] for row in recent] == [f"m{n:02}" for n in range(12, 2, -1)]
    assert recent[0]["rating"] is None


def test_genre_percentages_are_shares_of_all_mentions() -> None:
    events = [add(1, "a", genres=("Drama", "Action")), add(2, "b", genres=("Drama",)), add(3, "c")]
    assert stats(events)["genre_data"] == [
        {"genre": "Drama", "count": 2, "percentage": 66.7},
        {"genre": "Action", "count": 1, "percentage": 33.3},
    ]
    assert stats(events)["favorite_genre"] == "Drama"


def test_a_director_needs_two_rated_films() -> None:
    films: dict[str, dict[str, Any]] = {
        "a": {"directors": ("J.J. $Abrams",), "runtime_minutes": 100},
        "b": {"directors": ("J.J. $Abrams",), "runtime_minutes": 50},
        "c": {"directors": ("Once",)},
        "d": {"directors": ("Once",)},
    }
    result = stats([add(1, "a", 8.0), add(2, "b", 9.0), add(3, "c", 10.0), add(4, "d")], **films)
    row = {"count": 2, "avg_rating": 8.5, "watch_time_hours": 2.5}
    assert result["best_rated_directors"] == {"J.J. $Abrams": row}
    assert result["best_directors"] == [{"name": "J.J. $Abrams", **row}]
    assert result["watch_time_hours"] == 2.5


def test_actors_are_ordered_by_films_then_name() -> None:
    films: dict[str, dict[str, Any]] = {
        "a": {"actors": ("Zoe", "Ann")},
        "b": {"actors": ("Zoe",)},
        "c": {"actors": ("Bob",)},
    }
    actors = stats([add(1, "a", 6.0), add(2, "b"), add(3, "c")], **films)["most_watched_actors"]
    assert [(row["name"], row["count"], row["avg_rating"]) for row in actors] == [
        ("Zoe", 2, 6.0),
        ("Ann", 1, 6.0),
        ("Bob", 1, None),
    ]


def test_update_moves_the_rating_and_delete_takes_the_film_away() -> None:
    first = add(1, "a", 4.0)
    second = update(2, first, 9.0)
    assert stats([first, second])["avg_rating"] == 9.0
    assert stats([first, second, delete(3, second)])["total_watched"] == 0
