"""Hypothesis strategies shared by all tests: films, histories of one or more users, and ways to split them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import strategies as st

from cinematch.domain.events import Event, EventType
from cinematch.domain.watchlist import Film

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
GENRES = ("Action", "Drama", "Comedy", "Sci-Fi")
PEOPLE = (*(f"Person {n}" for n in range(12)), "J.J. $Abrams")


def _film(number: int, genres: list[str], directors: list[str], actors: list[str], minutes: int) -> Film:
    return Film(
        movie_id=f"m{number}",
        title=f"Film no. {number}",
        genres=tuple(genres),
        directors=tuple(directors),
        actors=tuple(actors),
        runtime_minutes=minutes,
        poster_path=f"/posters/m{number}.svg" if number % 2 else None,
    )


def _some(values: tuple[str, ...], at_most: int) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), max_size=at_most, unique=True)


@st.composite
def catalogs(draw: st.DrawFn, size: int = 30) -> dict[str, Film]:
    """Catalogs of up to `size` films `m0`, `m1`, ...; some films lack genres, people or runtime."""
    films = [
        _film(
            number,
            draw(_some(GENRES, 3)),
            draw(_some(PEOPLE, 2)),
            draw(_some(PEOPLE, 4)),
            draw(st.sampled_from((0, 90, 121))),
        )
        for number in range(draw(st.integers(1, size)))
    ]
    return {film.movie_id: film for film in films}


ratings = st.one_of(st.none(), st.integers(5, 100).map(lambda tenths: tenths / 10))


@dataclass(frozen=True)
class History:
    """A catalog and the log of one user: valid events with sequences 1, 2, 3, ..."""

    films: dict[str, Film]
    events: list[Event]


@st.composite
def histories(draw: st.DrawFn, user_id: str = "user", length: int = 60, films: int = 30) -> History:
    """Histories of one user as ingestion would write them: only effective changes."""
    catalog = draw(catalogs(films))
    return History(catalog, draw(event_logs(catalog, user_id, length)))


@st.composite
def event_logs(draw: st.DrawFn, catalog: dict[str, Film], user_id: str, length: int = 60) -> list[Event]:
    """Logs of one user over a given catalog."""
    held: dict[str, Event] = {}
    events: list[Event] = []
    step = st.tuples(st.sampled_from(sorted(catalog)), ratings, st.booleans(), st.integers(0, 5))
    steps = draw(st.lists(step, max_size=length))
    for movie_id, rating, wants_delete, hours in steps:
        event = _next(len(events) + 1, user_id, catalog[movie_id], rating, wants_delete, hours, held.get(movie_id))
        if event is not None:
            events.append(event)
            if event.event_type is EventType.DELETE:
                del held[movie_id]
            else:
                held[movie_id] = event
    return events


def _next(
    sequence: int, user_id: str, film: Film, rating: float | None, wants_delete: bool, hours: int, current: Event | None
) -> Event | None:
    now = EPOCH + timedelta(minutes=sequence)
    previous = current.rating if current else None
    if current is None:
        kind = EventType.ADD
    elif wants_delete:
        kind, rating = EventType.DELETE, None
    elif rating == previous:
        return None
    else:
        kind = EventType.UPDATE
    return Event(
        event_id=str(UUID(int=sequence)),
        event_type=kind,
        user_id=user_id,
        movie_id=film.movie_id,
        movie_name=film.title,
        genres=film.genres,
        rating=rating,
        previous_rating=previous,
        sequence=sequence,
        event_time=now,
        watched_at=current.watched_at if current else EPOCH + timedelta(hours=hours),
        added_at=current.added_at if current else now,
    )
