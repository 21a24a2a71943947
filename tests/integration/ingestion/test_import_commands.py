"""`cinematch import` on a real MongoDB: what comes in, what is refused, and that a second run adds nothing."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cinematch.adapters.mongodb_client import SyncDatabase
from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.settings import Settings
from ingestion.commands import import_

pytestmark = pytest.mark.integration

MOVIES = """movieId,title,genres
1,Toy Story (1995),Adventure|Animation
2,"American President, The (1995)",(no genres listed)
3,Amélie (2001),Comedy|Romance
10,$9.99 (2008),Animation
"""
RATINGS = """userId,movieId,rating,timestamp
2,1,5.0,964982800
1,3,4.5,964982702
1,10,0.5,964982703
1,2,3.0,964982703
2,2,1.5,964982700
1,1,4.0,964982701
"""
LINKS = """movieId,imdbId,tmdbId
1,0114709,862
3,0211915,
"""


def environment(settings: Settings) -> dict[str, str]:
    return {"MONGODB_URL": settings.mongodb_url, "MONGODB_DATABASE": settings.mongodb_database}


def run_import(settings: Settings, kind: str, path: Path) -> Result:
    return CliRunner().invoke(import_, [kind, str(path)], env=environment(settings))


def movielens(folder: Path, **files: str) -> Path:
    for name, text in {"movies": MOVIES, "ratings": RATINGS, "links": LINKS, **files}.items():
        (folder / f"{name}.csv").write_text(text)
    return folder


def log_of(database: SyncDatabase, user_id: str) -> list[tuple[int, str, float | None, str]]:
    return [
        (event.sequence, event.movie_id, event.rating, event.event_type.value)
        for event in Outbox(database).events_after(user_id, 0)
    ]


def test_ratings_become_events_in_the_order_of_their_times(
    database: SyncDatabase, settings: Settings, tmp_path: Path
) -> None:
    began = datetime.now(UTC)

    result = run_import(settings, "movielens", movielens(tmp_path))

    assert result.exit_code == 0, result.output
    assert "6 ratings of 2 users read, 6 events written; 4 films added" in result.stdout
    assert log_of(database, "1") == [
        (1, "1", 8.0, "ADD"),
        (2, "3", 9.0, "ADD"),
        (3, "10", 1.0, "ADD"),
        (4, "2", 6.0, "ADD"),
    ]
    assert log_of(database, "2") == [(1, "2", 3.0, "ADD"), (2, "1", 10.0, "ADD")]
    event = Outbox(database).events_after("1", 1)[0]
    assert (event.movie_name, event.genres) == ("Amélie", ("Comedy", "Romance"))
    assert event.watched_at == datetime(2000, 7, 30, 18, 45, 2, tzinfo=UTC)
    assert event.event_time.timestamp() >= began.timestamp() - 0.001
    film = database["catalog"].find_one({"_id": "1"})
    assert film is not None
    assert (film["title"], film["year"], film["normalized_title"]) == ("Toy Story", 1995, "toy story")
    assert (film["imdb_id"], film["tmdb_id"]) == ("tt0114709", "862")


def test_second_import_writes_nothing_and_a_changed_file_only_what_changed(
    database: SyncDatabase, settings: Settings, tmp_path: Path
) -> None:
    folder = movielens(tmp_path)
    run_import(settings, "movielens", folder)

    again = run_import(settings, "movielens", folder)
    assert again.exit_code == 0
    assert "0 events written; 0 films added" in again.stdout
    assert database["outbox"].count_documents({}) == database["movies"].count_documents({}) == 6

    changed = RATINGS.replace("1,2,3.0", "1,2,3.5") + "1,3,2.0,964983000\n"
    movielens(tmp_path, ratings=changed)
    assert "2 events written" in run_import(settings, "movielens", folder).stdout
    assert log_of(database, "1")[4:] == [(5, "2", 7.0, "UPDATE"), (6, "3", 4.0, "UPDATE")]
    assert "0 events written" in run_import(settings, "movielens", folder).stdout


def test_richer_catalog_entries_stay(database: SyncDatabase, settings: Settings, tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.jsonl"
    catalog.write_text(json.dumps({"movie_id": "1", "title": "Toy Story", "genres": ["Family"], "runtime_minutes": 81}))
    assert run_import(settings, "catalog", catalog).exit_code == 0

    result = run_import(settings, "movielens", movielens(tmp_path))

    assert "3 films added" in result.stdout
    film = database["catalog"].find_one({"_id": "1"})
    assert film is not None
    assert (film["genres"], film["runtime_minutes"], film["imdb_id"]) == (["Family"], 81, "tt0114709")
    assert Outbox(database).events_after("1", 0)[0].genres == ("Family",)


def test_bad_rows_are_reported_with_file_and_line_and_the_rest_comes_in(
    database: SyncDatabase, settings: Settings, tmp_path: Path
) -> None:
    folder = movielens(
        tmp_path,
        movies=MOVIES + "11\n",
        ratings=RATINGS + "1,1,6.0,964982703\n1,999,3.0,964982703\n7,1,3.0\n7,2,4.0,964982703\n",
        links=LINKS + "999,1,1\n",
    )
    with (folder / "ratings.csv").open("ab") as file:
        file.write(b"7,\xff,4.0,964982703\n")

    result = run_import(settings, "movielens", folder)

    assert result.exit_code == 1
    assert [line for line in result.stderr.splitlines() if ".csv:" in line] == [
        "movies.csv:6: 1 columns where 3 are due",
        "links.csv:4: movieId: neither movies.csv nor the catalog has a film '999'",
        "ratings.csv:8: rating: must be a number from 0.5 to 5",
        "ratings.csv:10: 3 columns where 4 are due",
        "ratings.csv:12: not UTF-8 at byte 3 of the line",
        "ratings.csv:9: movieId: neither movies.csv nor the catalog has a film '999'",
    ]
    assert "6 bad rows were left out" in result.stdout
    assert log_of(database, "7") == [(1, "2", 8.0, "ADD")]
    assert database["outbox"].count_documents({}) == 7


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "ratings.csv cannot be read"),
        ({"ratings": "1,2,3.5,964982703\n"}, "the first line must name the columns userId,movieId,rating,timestamp"),
        ({"ratings": RATINGS, "movies": "id,name\n"}, "the first line must name the columns movieId,title,genres"),
        ({"ratings": RATINGS, "links": "movieId\n"}, "the first line must name the columns movieId,imdbId,tmdbId"),
    ],
)
def test_unusable_folder_is_refused_before_anything_is_written(
    database: SyncDatabase, settings: Settings, tmp_path: Path, files: dict[str, str], sentence: str
) -> None:
    films = database["catalog"].count_documents({})
    for name, text in {"movies": MOVIES, **files}.items():
        (tmp_path / f"{name}.csv").write_text(text)

    result = run_import(settings, "movielens", tmp_path)

    assert result.exit_code == 2
    assert sentence in result.stderr
    assert database["catalog"].count_documents({}) == films


def test_missing_file_or_folder_is_named(settings: Settings, database: SyncDatabase, tmp_path: Path) -> None:
    for kind in ("catalog", "movielens"):
        result = run_import(settings, kind, tmp_path / "nowhere")
        assert result.exit_code == 2
        assert "nowhere" in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1


def test_silent_mongodb_is_one_sentence(settings: Settings, tmp_path: Path) -> None:
    folder = movielens(tmp_path)
    unreachable = {"MONGODB_URL": "mongodb://127.0.0.1:1", "MONGODB_TIMEOUT_SECONDS": "0.2"}
    result = CliRunner().invoke(import_, ["movielens", str(folder)], env=unreachable)
    assert result.exit_code == 2
    assert result.stderr.startswith("cinematch: mongodb does not answer (127.0.0.1:1")
    assert "`cinematch up`" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_catalog_import_refreshes_what_lines_name(database: SyncDatabase, settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "catalog.jsonl"
    twice = "Città d'Ombra".encode().decode("latin-1")
    full = {"movie_id": "x1", "title": twice, "year": 1998, "genres": ["Drama"], "actors": ["A"], "runtime_minutes": 99}
    path.write_text(json.dumps(full) + '\n{"movie_id": "x2", "title": "Bare"}\n')
    assert run_import(settings, "catalog", path).exit_code == 0
    stored = database["catalog"].find_one({"_id": "x1"})
    assert stored is not None
    first_written = stored.pop("changed_at")
    assert stored == {
        "_id": "x1",
        "title": "Città d'Ombra",
        "normalized_title": "citta d ombra",
        "title_words": ["citta", "d", "ombra"],
        "year": 1998,
        "genres": ["Drama"],
        "directors": [],
        "actors": ["A"],
        "runtime_minutes": 99,
        "poster_path": None,
    }

    path.write_text(
        '{"movie_id": "x1", "title": "Shadow City", "year": null, "directors": ["B"]}\n{"movie_id": "x2"}\n'
    )
    second = run_import(settings, "catalog", path)

    assert second.exit_code == 1
    assert "catalog.jsonl:2: title" in second.stderr
    assert "1 films read, 0 of them new" in second.stdout
    film = database["catalog"].find_one({"_id": "x1"})
    assert film is not None
    assert (film["title"], film["normalized_title"], film["title_words"]) == (
        "Shadow City",
        "shadow city",
        ["city", "shadow"],
    )
    assert (film["year"], film["directors"], film["genres"]) == (None, ["B"], ["Drama"])
    assert film["changed_at"] > first_written  # readers see that a batch may know another version


@pytest.mark.parametrize(("how", "exit_code"), [(signal.SIGKILL, -9), (signal.SIGINT, 2)])
def test_import_stopped_in_the_middle_goes_on_without_gap_or_repeat(
    database: SyncDatabase, settings: Settings, tmp_path: Path, how: signal.Signals, exit_code: int
) -> None:
    ratings = write_data_set(tmp_path, users=60, ratings_each=200)
    command = [sys.executable, "-m", "cinematch", "import", "movielens", str(tmp_path)]
    process = subprocess.Popen(command, env=os.environ | environment(settings), stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while database["outbox"].count_documents({}) < 200 and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(how)
    assert process.wait(30) == exit_code
    written = database["outbox"].count_documents({})
    assert 0 < written < len(ratings)
    assert_logs_follow(database, ratings, complete=False)

    result = run_import(settings, "movielens", tmp_path)

    assert result.exit_code == 0, result.output
    assert f"{len(ratings) - written:,} events written" in result.stdout
    assert database["outbox"].count_documents({}) == database["movies"].count_documents({}) == len(ratings)
    assert_logs_follow(database, ratings, complete=True)


def write_data_set(folder: Path, users: int, ratings_each: int) -> list[tuple[str, str, float, int]]:
    """Write a data set in the published layout, ratings in no order at all; give its ratings."""
    rng = random.Random(11)
    films = [str(number) for number in range(1, 401)]
    movies = "".join(f"{film},Film {film} (2001),Drama\n" for film in films)
    ratings = [
        (str(user), film, rng.randint(1, 10) / 2, 1_000_000_000 + rng.randint(0, 300))
        for user in range(1, users + 1)
        for film in rng.sample(films, ratings_each)
    ]
    rng.shuffle(ratings)
    rows = "".join(f"{user},{film},{stars},{second}\n" for user, film, stars, second in ratings)
    movielens(folder, movies=f"movieId,title,genres\n{movies}", ratings=f"userId,movieId,rating,timestamp\n{rows}")
    return ratings


def assert_logs_follow(database: SyncDatabase, ratings: list[tuple[str, str, float, int]], *, complete: bool) -> None:
    """Each user's log is the beginning of their ratings by time and movie_id, doubled; `complete`: all of them."""
    for user_id in {user for user, *_ in ratings}:
        own = sorted((second, film, stars) for user, film, stars, second in ratings if user == user_id)
        due = [(place, film, 2 * stars, "ADD") for place, (_, film, stars) in enumerate(own, 1)]
        log = log_of(database, user_id)
        assert log == (due if complete else due[: len(log)])
        sequence = database["user_sequences"].find_one({"_id": user_id})
        assert (sequence["sequence"] if sequence else 0) == len(log)
