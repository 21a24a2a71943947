"""How long `cinematch import movielens` takes for a data set of the size of MovieLens' small one (synthetic)."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from benchmarks.embedded_stack import EmbeddedStack

USERS, FILMS, RATINGS = 610, 9_742, 100_836
FEWEST, MOST = 20, 2_698
_GENRES: Final = ("Action", "Comedy", "Crime", "Drama", "Romance", "Thriller")


def movielens_import(stack: EmbeddedStack) -> dict[str, Any]:
    """Import, then import again: the second run finds everything there."""
    with tempfile.TemporaryDirectory(prefix="cinematch-bench-") as name:
        write_data_set(Path(name))
        first, second = (_seconds(stack, name) for _ in range(2))
    return {"ratings": RATINGS, "users": USERS, "films": FILMS, "seconds": first, "again_seconds": second}


def write_data_set(folder: Path) -> None:
    """Write movies.csv, links.csv and ratings.csv in the published layout, with a heavy-tailed number a user."""
    rng = random.Random(3)
    films = sorted(rng.sample(range(1, 193_610), FILMS))
    _write(folder / "movies.csv", "movieId,title,genres", (_movie(rng, film) for film in films))
    _write(folder / "links.csv", "movieId,imdbId,tmdbId", (f"{film},{film:07d},{film}" for film in films))
    ratings = (
        f"{user},{film},{rng.randint(1, 10) / 2},{rng.randint(828_124_615, 1_537_799_250)}"
        for user, count in enumerate(_rating_counts(rng), 1)
        for film in sorted(rng.sample(films, count))
    )
    _write(folder / "ratings.csv", "userId,movieId,rating,timestamp", ratings)


def _rating_counts(rng: random.Random) -> list[int]:
    wishes = [rng.paretovariate(0.9) for _ in range(USERS)]
    counts = [max(FEWEST, min(MOST, int(wish * 40))) for wish in wishes]
    while (difference := RATINGS - sum(counts)) != 0:
        place = rng.randrange(USERS)
        counts[place] = max(FEWEST, min(MOST, counts[place] + max(-50, min(50, difference))))
    return counts


def _movie(rng: random.Random, film: int) -> str:
    return f'{film},"Film no. {film}, The ({rng.randint(1930, 2018)})",{"|".join(rng.sample(_GENRES, 2))}'


def _write(path: Path, header: str, rows: Iterable[str]) -> None:
    with path.open("w") as file:
        file.write(header + "\n")
        file.writelines(f"{row}\n" for row in rows)


def _seconds(stack: EmbeddedStack, folder: str) -> float:
    began = time.perf_counter()
    stack.command("import", "movielens", folder)
    return round(time.perf_counter() - began, 1)
