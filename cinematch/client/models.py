"""The answers of the API as a client sees them; what each figure means: the API's documentation.

A field that a later API adds is ignored, so that a client outlives the API's growth; a field that is missing, or of
another type, is no answer of this API. A test holds these models against the API's own documentation.
"""

from __future__ import annotations

from datetime import date

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from cinematch.domain.events import EventType
from cinematch.settings import StatsMode


class Model(BaseModel):
    """Any part of an answer."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class FieldError(Model):
    """Which input of a request is to blame, and what it must be."""

    field: str
    message: str


class Problem(Model):
    """An answer that says no (RFC 9457); `type` names the kind for programs. Further members are attributes, too."""

    model_config = ConfigDict(frozen=True, extra="allow")

    type: str = "about:blank"
    title: str = ""
    status: int
    detail: str = ""
    errors: tuple[FieldError, ...] = ()


class Change(Model):
    """What became of a change; `sequence` is what `stats` takes as `min_sequence`."""

    changed: bool
    event_id: str | None
    event_type: EventType | None
    sequence: int
    movie_id: str
    title: str
    detail: str


class ListedMovie(Model):
    """A film in a list; rating None = not rated."""

    movie_id: str
    title: str
    genres: list[str]
    rating: float | None
    watched_at: AwareDatetime
    added_at: AwareDatetime
    sequence: int


class ListedUser(Model):
    """Somebody who has, or had, a list."""

    user_id: str
    sequence: int


class CatalogFilm(Model):
    """A film of the catalog; runtime 0 = not known."""

    movie_id: str
    title: str
    year: int | None
    genres: list[str]
    directors: list[str]
    runtime_minutes: int
    poster_path: str | None


class RatingBar(Model):
    """One bar of the histogram: films with rating-1 < their rating <= rating."""

    rating: int
    count: int


class RankedMovie(Model):
    """A film of a ranking."""

    movie_id: str
    title: str
    rating: float | None
    watched_at: AwareDatetime
    poster_path: str | None


class GenreShare(Model):
    """How many films have the genre, and its share of all genre mentions in percent."""

    genre: str
    count: int
    percentage: float


class PersonCredit(Model):
    """What a person contributed to a list."""

    count: int
    avg_rating: float | None
    watch_time_hours: float


class Person(PersonCredit):
    """The same with the name."""

    name: str


class Freshness(Model):
    """What statistics cover; every figure contains the user's events up to `applied_sequence`."""

    mode: StatsMode
    batch_generation: int | None
    as_of_sequence: int
    applied_sequence: int
    latest_sequence: int
    complete: bool


class UserStats(Model):
    """One user's statistics and how fresh they are."""

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
    last_updated: AwareDatetime | None
    batch_updated_at: AwareDatetime | None
    realtime_delta_count: int
    freshness: Freshness


class WeekCount(Model):
    """Films watched in the week that begins on this Monday."""

    week: date
    count: int


class DecadeCount(Model):
    """Films of a decade."""

    decade: int
    count: int
    avg_rating: float | None


class Habits(Model):
    """When a user watches, and films of which time; seven weekdays, Monday first."""

    user_id: str
    sequence: int
    films_per_week: list[WeekCount]
    films_per_weekday: list[int] = Field(min_length=7, max_length=7)
    decades: list[DecadeCount]


class TrendingMovie(Model):
    """A film, the number of lists that hold it, and its place when an earlier day ended; None: not among the ten."""

    movie_id: str
    title: str
    poster_path: str | None
    year: int | None
    count: int
    previous_place: int | None


class GlobalTrends(Model):
    """The community's trends since the window's start."""

    type: str
    top_movies: list[TrendingMovie]
    trending_genres: list[GenreShare]
    genre_counts: dict[str, int]
    total_movies_analyzed: int
    updated_at: str
    source: str
    compared_with: str | None
