"""The invented catalog of a seed: as uneven as real ones, most popular film first.

Some films lack genres, year, runtime, poster or people; some share their title with another film; some titles hold
`.`, `$` or accents. All draws come from one `random.Random`, so hash seeds and dictionaries' order have no say.
"""

from __future__ import annotations

import random
from dataclasses import replace
from functools import lru_cache
from typing import Final

from cinematch.domain.watchlist import Film
from ingestion.posters import poster_path
from ingestion.seeding.titles import invented_titles
from ingestion.seeding.vocabulary import FIRST_NAMES, LAST_NAMES, STAGE_NAMES

CATALOG_FILMS: Final = 12_000
"""The same for every size of data, so that more users or events only extend what a smaller run gave."""
DIRECTORS, ACTORS = 900, 4_000
FIRST_YEAR, LAST_YEAR = 1930, 2025
TWIN_EVERY: Final = 400
"""One film in so many has the title of an earlier one: a remake."""
TWIN_DISTANCE: Final = 7

# Genre: how common it is in a thousand, usual minutes.
GENRES: Final[dict[str, tuple[int, int]]] = {
    "Drama": (230, 113),
    "Comedy": (180, 101),
    "Thriller": (95, 107),
    "Action": (90, 110),
    "Romance": (80, 106),
    "Crime": (60, 111),
    "Adventure": (55, 116),
    "Horror": (50, 95),
    "Science Fiction": (45, 112),
    "Fantasy": (40, 112),
    "Family": (35, 98),
    "Documentary": (35, 94),
    "Mystery": (30, 108),
    "Animation": (30, 91),
    "History": (20, 127),
    "Music": (15, 104),
    "War": (15, 124),
    "Western": (10, 109),
}


@lru_cache(maxsize=2)
def invented_catalog(seed: int) -> tuple[Film, ...]:
    """Give the films of `seed`, ids `s{seed}-film-00001` and so on, most popular first."""
    rng = random.Random(f"{seed}/catalog")
    directors, actors = _people(rng)
    titles = invented_titles(rng)
    films: list[Film] = []
    for number in range(1, CATALOG_FILMS + 1):
        is_twin = number % TWIN_EVERY == TWIN_DISTANCE + 1
        title = films[-TWIN_DISTANCE].title if is_twin else next(titles)
        films.append(_film(rng, f"s{seed}-film-{number:05d}", title, directors, actors))
    return tuple(films)


def _film(rng: random.Random, movie_id: str, title: str, directors: list[str], actors: list[str]) -> Film:
    genres = _genres(rng)
    usual_minutes = GENRES[genres[0]][1]
    film = Film(
        movie_id=movie_id,
        title=title,
        year=LAST_YEAR - int((LAST_YEAR - FIRST_YEAR) * rng.random() ** 2.2),
        genres=genres,
        directors=_cast(rng, directors, 2 if rng.random() < 0.07 else 1),
        actors=_cast(rng, actors, rng.randint(3, 8)),
        runtime_minutes=max(45, round(rng.gauss(usual_minutes, 16))),
        poster_path=poster_path(movie_id),
    )
    return _with_gaps(rng, film)


def _with_gaps(rng: random.Random, film: Film) -> Film:
    # Each gap on its own: one film may lack several things.
    if rng.random() < 0.02:
        film = replace(film, genres=())
    if rng.random() < 0.015:
        film = replace(film, year=None)
    if rng.random() < 0.02:
        film = replace(film, runtime_minutes=0)
    if rng.random() < 0.03:
        film = replace(film, poster_path=None)
    if rng.random() < 0.015:
        film = replace(film, directors=(), actors=())
    return film


def _genres(rng: random.Random) -> tuple[str, ...]:
    wanted = rng.choice((1, 1, 2, 2, 2, 3))
    weights = [weight for weight, _ in GENRES.values()]
    return tuple(dict.fromkeys(rng.choices(list(GENRES), weights, k=wanted)))


def _people(rng: random.Random) -> tuple[list[str], list[str]]:
    names = [f"{first} {last}" for first in FIRST_NAMES for last in LAST_NAMES]
    rng.shuffle(names)
    directors, actors = names[:DIRECTORS], names[DIRECTORS - 60 : DIRECTORS + ACTORS - 60]  # sixty do both
    for place, name in enumerate(STAGE_NAMES):
        (directors if "." in name else actors)[place * 9] = name
    return directors, actors


def _cast(rng: random.Random, people: list[str], count: int) -> tuple[str, ...]:
    # The square makes a few people work on many films.
    return tuple(dict.fromkeys(people[int(len(people) * rng.random() ** 2)] for _ in range(count)))
