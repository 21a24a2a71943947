"""The shapes of the answers, for the documentation; one for all modes. What each figure means: domain/statistics."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from cinematch.settings import StatsMode

_MOVIE: Final[dict[str, Any]] = {
    "movie_id": "m42",
    "title": "Città d'Ombra",
    "rating": 9.5,
    "watched_at": "2026-01-19T14:10:00Z",
    "poster_path": "/posters/m42.svg",
}
_CREDIT: Final[dict[str, Any]] = {"count": 2, "avg_rating": 8.75, "watch_time_hours": 3.9}


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RatingBar(_Answer):
    """One bar of the histogram: films with rating-1 < their rating <= rating."""

    rating: Annotated[int, Field(ge=1, le=10)]
    count: int


class RankedMovie(_Answer):
    """A film of a ranking; rating None = not rated."""

    movie_id: str
    title: str
    rating: float | None
    watched_at: AwareDatetime
    poster_path: str | None


class GenreShare(_Answer):
    """How many films have the genre, and its share of all genre mentions in percent."""

    genre: str
    count: int
    percentage: float


class PersonCredit(_Answer):
    """What a person contributed to the list."""

    count: int
    avg_rating: float | None
    watch_time_hours: float


class Person(PersonCredit):
    """The same with the name."""

    name: str


class FreshnessAnswer(_Answer):
    """What the answer covers; sequences are the user's own event counter."""

    mode: StatsMode
    batch_generation: int | None = Field(description="The published generation that was read; null without one")
    as_of_sequence: int = Field(description="How far the slower view (batch document, or `user_stats`) reaches")
    applied_sequence: int = Field(description="Every figure contains the events up to this one")
    latest_sequence: int = Field(description="The last event issued to the user")
    complete: bool = Field(description="True: no issued event is missing, and each view the mode needs could be read")


class UserStatsAnswer(_Answer):
    """One user's statistics and how fresh they are."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "user_id": "u1",
                    "total_watched": 3,
                    "avg_rating": 8.75,
                    "rating_chart_data": [{"rating": n, "count": int(n in (8, 10))} for n in range(1, 11)],
                    "top_rated_movies": [_MOVIE],
                    "recent_movies": [_MOVIE],
                    "genre_data": [{"genre": "Drama", "count": 3, "percentage": 100.0}],
                    "favorite_genre": "Drama",
                    "watch_time_hours": 5.4,
                    "best_rated_directors": {"A. Rossi": _CREDIT},
                    "best_directors": [{"name": "A. Rossi", **_CREDIT}],
                    "most_watched_actors": [{"name": "B. Bianchi", **_CREDIT}],
                    "stats_version": "3.2",
                    "last_updated": "2026-01-20T09:15:00Z",
                    "batch_updated_at": "2026-01-20T03:04:00Z",
                    "realtime_delta_count": 1,
                    "freshness": {
                        "mode": "lambda",
                        "batch_generation": 42,
                        "as_of_sequence": 2,
                        "applied_sequence": 3,
                        "latest_sequence": 3,
                        "complete": True,
                    },
                }
            ]
        }
    )

    user_id: str
    total_watched: int
    avg_rating: float | None
    rating_chart_data: list[RatingBar]
    top_rated_movies: list[RankedMovie]
    recent_movies: list[RankedMovie]
    genre_data: list[GenreShare]
    favorite_genre: str | None
    watch_time_hours: float
    best_rated_directors: dict[str, PersonCredit]
    best_directors: list[Person]
    most_watched_actors: list[Person]
    stats_version: str
    last_updated: AwareDatetime | None = Field(description="Of the newest part; null before a view has any")
    batch_updated_at: AwareDatetime | None = Field(description="When the batch document was computed; null without one")
    realtime_delta_count: int = Field(description="Films that the speed view adds to (or takes from) the slower view")
    freshness: FreshnessAnswer


class WeekCount(_Answer):
    """Films watched in a week."""

    week: date = Field(description="Its Monday")
    count: int


class DecadeCount(_Answer):
    """Films of a decade."""

    decade: int
    count: int
    avg_rating: float | None


class HabitsAnswer(_Answer):
    """What a whole list tells beyond the statistics; days are those of UTC."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "user_id": "u1",
                    "sequence": 3,
                    "films_per_week": [{"week": "2026-01-12", "count": 1}, {"week": "2026-01-19", "count": 2}],
                    "films_per_weekday": [2, 0, 0, 0, 0, 1, 0],
                    "decades": [{"decade": 1990, "count": 3, "avg_rating": 8.75}],
                }
            ]
        }
    )

    user_id: str
    sequence: int = Field(description="Every figure contains the events up to this one, the last issued")
    films_per_week: list[WeekCount] = Field(description="The last 26 weeks, oldest first")
    films_per_weekday: list[int] = Field(description="Seven counts, Monday first", min_length=7, max_length=7)
    decades: list[DecadeCount]


class TrendingMovie(_Answer):
    """A film and the number of lists that hold it."""

    movie_id: str
    title: str
    poster_path: str | None
    year: int | None = Field(description="When it came out; null when the catalog did not know it")
    count: int
    previous_place: int | None = Field(description="1 to 10 in the trends of `compared_with`; null: not among them")


class GlobalTrendsAnswer(_Answer):
    """The community's trends since the window's start."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "global_trends",
                    "top_movies": [
                        {
                            "movie_id": "m42",
                            "title": "Città d'Ombra",
                            "poster_path": "/posters/m42.svg",
                            "year": 1994,
                            "count": 17,
                            "previous_place": 3,
                        }
                    ],
                    "trending_genres": [{"genre": "Drama", "count": 40, "percentage": 61.5}],
                    "genre_counts": {"Drama": 40, "Comedy": 25},
                    "total_movies_analyzed": 65,
                    "updated_at": "2026-01-20T09:15:00+00:00",
                    "source": "streaming_incremental",
                    "compared_with": "2026-01-19T23:59:40+00:00",
                }
            ]
        }
    )

    type: str
    top_movies: list[TrendingMovie]
    trending_genres: list[GenreShare]
    genre_counts: dict[str, int] = Field(
        description="Entries of lists by genre; where there are very many genres, the most frequent ones"
    )
    total_movies_analyzed: int
    updated_at: str = Field(description="ISO 8601 with offset")
    source: str = Field(description="bootstrap or streaming_incremental")
    compared_with: str | None = Field(
        description="When the trends were counted that `previous_place` is of, the last of an earlier day (UTC); ISO "
        "8601 with offset; null while there are none"
    )
