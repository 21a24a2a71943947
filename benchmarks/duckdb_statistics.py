"""The statistics of every user by DuckDB, from Parquet to Parquet, in one process: the peer of the nightly batch.

It computes what GET /stats shows (`cinematch.domain.statistics`): the list after the last event of each film, totals,
histogram, genres, the ten best rated and last watched, directors and actors. It leaves out what the batch does besides:
finding gaps and repeats, keeping state for the next night, the whole lists, margins for merging, publishing.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Final

import duckdb

THREADS: Final = 2
LISTS: Final = """
create temp table entry as
    select user_id, movie_id, last.title, last.genres, last.tenths, last.watched_at, runtime_minutes, poster_path
    from (
        select user_id, movie_id, arg_max(
            {'title': movie_name, 'genres': genres, 'tenths': cast(round(rating * 10) as integer),
             'watched_at': watched_at, 'type': event_type}, sequence) as last
        from read_parquet(?) group by user_id, movie_id
    ) left join read_parquet(?) using (movie_id)
    where last.type <> 'DELETE'
"""
DOCUMENTS: Final = """
create temp table document as
with totals as (
    select user_id, count(*) as films, count(tenths) as rated, sum(tenths) as rating_tenths,
        sum(runtime_minutes) as minutes, histogram(cast(ceil(tenths / 10) as integer)) as chart,
        max({'k': tenths, 'w': watched_at, 'm': movie_id, 't': title, 'p': poster_path}, 10)
            filter (where tenths is not null) as top_rated,
        max({'w': watched_at, 'm': movie_id, 't': title, 'k': tenths, 'p': poster_path}, 10) as recent
    from entry group by user_id
), genre_counts as (
    select user_id, genre, count(*) as films
    from (select user_id, unnest(genres) as genre from entry) group by all
), genres as (
    select user_id, list({'genre': genre, 'films': films} order by films desc, genre) as genres
    from genre_counts group by user_id
), people as (
    select user_id, role, name, count(*) as films, count(tenths) as rated, sum(tenths) as rating_tenths,
        sum(runtime_minutes) as minutes
    from (
        select user_id, tenths, entry.runtime_minutes, 'director' as role, unnest(directors) as name
        from entry join read_parquet($catalog) using (movie_id)
        union all
        select user_id, tenths, entry.runtime_minutes, 'actor' as role, unnest(actors) as name
        from entry join read_parquet($catalog) using (movie_id)
    ) group by all
), ranked as (
    select user_id,
        max({'k': rating_tenths / rated, 'f': films, 'n': name, 'm': minutes}, 10)
            filter (where role = 'director' and rated >= 2) as directors,
        max({'k': films, 'n': name, 'm': minutes, 'r': rating_tenths}, 10) filter (where role = 'actor') as actors
    from people group by user_id
)
select * from totals left join genres using (user_id) left join ranked using (user_id)
"""


def cost(events: Path, catalog: Path, target: Path) -> tuple[float, int, float]:
    """Compute; give the seconds from opening the database to the written file, the users, and our memory's most MiB."""
    began = time.perf_counter()
    with duckdb.connect() as database:
        database.execute(f"set threads to {THREADS}")
        database.execute(f"set temp_directory to '{target.parent / 'spilled'}'")
        database.execute(LISTS, [str(events / "*.parquet"), str(catalog)])
        database.execute(DOCUMENTS, {"catalog": str(catalog)})
        database.execute(f"copy document to '{target}' (format parquet, compression zstd)")
        taken = time.perf_counter() - began
        (users,) = database.execute("select count(*) from document").fetchall()[0]
    return taken, users, _most_mebibytes()


def _most_mebibytes() -> float:
    """Give the peak of our own memory; that of `getrusage` knows what our parent had, too."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    sys.stdout.write("{} {} {}".format(*cost(*map(Path, sys.argv[1:4]))))
