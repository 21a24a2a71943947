"""Requests and answers of the ingestion API."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from cinematch.api.inputs import Identifier
from cinematch.contracts.event_codec import Moment, Rating, Title
from cinematch.domain.changes import KEEP_RATING, KeepRating
from cinematch.domain.events import EventType
from cinematch.domain.watchlist import Film

_BEGINS_AS_A_TIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]")


def _text(value: Any) -> Any:
    """Let only text pass that looks like a time: a number would be taken for seconds since 1970."""
    if value is not None and not (isinstance(value, str) and _BEGINS_AS_A_TIME.match(value)):
        raise ValueError("must be a time as RFC 3339 text, with its offset")
    return value


WatchedAt = Annotated[Moment, Field(strict=False), BeforeValidator(_text)]


class AddMovie(BaseModel):
    """Put a film into a list, or change its rating there."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"user_id": "u1", "movie_id": "m42", "rating": 8.5},
                {
                    "user_id": "u1",
                    "movie_id": "not-in-the-catalog",
                    "title": "Citta d'ombra",
                    "watched_at": "2026-01-19T20:30:00Z",
                },
            ]
        },
    )

    user_id: Identifier
    movie_id: Identifier
    rating: Annotated[
        Rating | None, Field(description="0.5 to 10; null: not rated; left out: the film's rating stays as it is")
    ] = None
    watched_at: Annotated[
        WatchedAt | None, Field(description="When the user saw it (default: now); only a film new to the list takes it")
    ] = None
    title: Annotated[
        Title | None, Field(description="Finds the film when the catalog does not know movie_id; spelling is lenient")
    ] = None

    @property
    def wanted_rating(self) -> float | KeepRating | None:
        """The rating asked for; one that is left out is another thing than null."""
        return self.rating if "rating" in self.model_fields_set else KEEP_RATING


class ChangeAnswer(BaseModel):
    """What became of a change; `changed` is false, and the event's fields null, when it had no effect."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "changed": True,
                    "event_id": "019bd6a5-0f6e-7c3a-9d2b-0a4f5f6b7c8d",
                    "event_type": "ADD",
                    "sequence": 17,
                    "movie_id": "m42",
                    "title": "Città d'Ombra",
                    "detail": "the film was added to the list",
                }
            ]
        }
    )

    changed: bool
    event_id: str | None
    event_type: EventType | None
    sequence: Annotated[int, Field(description="The user's last event; GET /stats takes it as min_sequence")]
    movie_id: str
    title: str
    detail: str


class ListedMovie(BaseModel):
    """A film in a list."""

    movie_id: str
    title: str
    genres: list[str]
    rating: float | None
    watched_at: datetime
    added_at: datetime
    sequence: Annotated[int, Field(description="The event that changed it last")]


class MoviesPage(BaseModel):
    """A part of a list, by movie_id; `next_cursor` is null on the last page."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "user_id": "u1",
                    "movies": [
                        {
                            "movie_id": "m42",
                            "title": "Città d'Ombra",
                            "genres": ["Drama"],
                            "rating": 8.5,
                            "watched_at": "2026-01-19T20:30:00Z",
                            "added_at": "2026-01-20T09:15:00Z",
                            "sequence": 17,
                        }
                    ],
                    "next_cursor": "bTQy",
                }
            ]
        }
    )

    user_id: str
    movies: list[ListedMovie]
    next_cursor: str | None


class ListedUser(BaseModel):
    """Somebody who has, or had, a list."""

    user_id: str
    sequence: Annotated[int, Field(description="The last event issued to the user")]


class UsersPage(BaseModel):
    """A part of the users, by id; `next_cursor` is null on the last page."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"users": [{"user_id": "u1", "sequence": 17}], "next_cursor": None}]}
    )

    users: list[ListedUser]
    next_cursor: str | None


class CatalogFilm(BaseModel):
    """A film of the catalog."""

    movie_id: str
    title: str
    year: int | None
    genres: list[str]
    directors: list[str]
    runtime_minutes: Annotated[int, Field(description="0: not known")]
    poster_path: str | None

    @classmethod
    def of(cls, film: Film) -> CatalogFilm:
        """Give what the API shows of a film."""
        return cls(
            movie_id=film.movie_id,
            title=film.title,
            year=film.year,
            genres=list(film.genres),
            directors=list(film.directors),
            runtime_minutes=film.runtime_minutes,
            poster_path=film.poster_path,
        )


class CatalogPage(BaseModel):
    """A part of the films that a search found, the best first; `next_cursor` is null on the last page."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "films": [
                        {
                            "movie_id": "m42",
                            "title": "Città d'Ombra",
                            "year": 1998,
                            "genres": ["Drama"],
                            "directors": ["A. Rossi"],
                            "runtime_minutes": 108,
                            "poster_path": "/posters/m42.svg",
                        }
                    ],
                    "next_cursor": "bTQyAGNpdHRhIGQgb21icmE=",
                }
            ]
        }
    )

    films: list[CatalogFilm]
    next_cursor: str | None
