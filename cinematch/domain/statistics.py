"""The statistics people see, each defined once; micro-batch, speed, batch and serving all call this module.

Rounding is half up and exact (whole-number arithmetic): percentages, hours to 1 decimal, means to 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cinematch.domain.events import from_tenths
from cinematch.domain.summary import PLACES, Person, RankedFilm, Summary, is_ranked_director, summarise
from cinematch.domain.watchlist import Film, Watchlist

STATS_VERSION: Final = "3.2"
Statistics = dict[str, Any]


def statistics(summary: Summary) -> Statistics:
    """Give the `stats` document of one user; JSON and BSON types only (times are datetimes).

    - total_watched: films in the list (int)
    - avg_rating: mean of the rated films, 2 decimals; None when none is rated
    - rating_chart_data: [{rating: 1..10, count}], all ten; bucket n holds ratings in (n-1, n]
    - top_rated_movies: the 10 best rated {movie_id, title, rating, watched_at, poster_path}; ties: later watched, then
      movie_id; unrated films never appear
    - recent_movies: the 10 last watched, same shape (rating None = not rated); ties: movie_id
    - genre_data: [{genre, count, percentage}] by count, then name; percentage of all genre mentions, 1 decimal; films
      without a genre count in none
    - favorite_genre: first of genre_data; None when there is none
    - watch_time_hours: sum of known runtimes in hours, 1 decimal
    - best_rated_directors: {name: {count, avg_rating, watch_time_hours}}, the 10 with the best mean of at least 2 rated
      films, in that order; ties: more films, then name
    - best_directors: the same as a list of {name, ...}, for readers whose JSON objects have no order
    - most_watched_actors: the 10 with most films [{name, count, avg_rating, watch_time_hours}]; ties: name
    - stats_version: "3.2"
    """
    totals = summary.totals
    genres = genre_rows(totals.genres)
    directors = [person_row(person) for person in summary.directors.rows[:PLACES] if is_ranked_director(person)]
    return {
        "total_watched": totals.films,
        "avg_rating": mean_rating(totals.rating_tenths, totals.rated),
        "rating_chart_data": [{"rating": n, "count": totals.histogram.get(n, 0)} for n in range(1, 11)],
        "top_rated_movies": [film_row(film) for film in summary.top_rated.rows[:PLACES]],
        "recent_movies": [film_row(film) for film in summary.recent.rows[:PLACES]],
        "genre_data": genres,
        "favorite_genre": genres[0]["genre"] if genres else None,
        "watch_time_hours": hours(totals.minutes),
        "best_rated_directors": {
            row["name"]: {key: value for key, value in row.items() if key != "name"} for row in directors
        },
        "best_directors": directors,
        "most_watched_actors": [person_row(person) for person in summary.actors.rows[:PLACES]],
        "stats_version": STATS_VERSION,
    }


def statistics_of(watchlist: Watchlist, films: Mapping[str, Film]) -> Statistics:
    """Compute the statistics of a whole list from nothing; `films` is the catalog by movie_id."""
    return statistics(summarise(watchlist, films))


def mean_rating(rating_tenths: int, rated: int) -> float | None:
    """Give the mean of `rated` ratings that add up to `rating_tenths`, rounded half up to 2 decimals."""
    return _half_up(rating_tenths * 10, rated) / 100 if rated > 0 else None


def hours(minutes: int) -> float:
    """Give minutes as hours with 1 decimal."""
    return _half_up(minutes, 6) / 10


def percentage(count: int, total: int) -> float:
    """Give the share of `count` in `total` as a percentage with 1 decimal."""
    return _half_up(count * 1000, total) / 10


def genre_rows(genres: Mapping[str, int]) -> list[dict[str, Any]]:
    """Give [{genre, count, percentage}], most frequent first, then by name."""
    mentions = sum(genres.values())
    return [
        {"genre": genre, "count": count, "percentage": percentage(count, mentions)}
        for genre, count in sorted(genres.items(), key=lambda item: (-item[1], item[0]))
    ]


def film_row(film: RankedFilm) -> dict[str, Any]:
    """Give a film of a ranking as it is shown."""
    return {
        "movie_id": film.movie_id,
        "title": film.title,
        "rating": from_tenths(film.rating_tenths),
        "watched_at": film.watched_at,
        "poster_path": film.poster_path,
    }


def person_row(person: Person) -> dict[str, Any]:
    """Give a director or an actor as they are shown."""
    credit = person.credit
    return {
        "name": person.name,
        "count": credit.films,
        "avg_rating": mean_rating(credit.rating_tenths, credit.rated),
        "watch_time_hours": hours(credit.minutes),
    }


def _half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)
