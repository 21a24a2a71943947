"""What a line of a catalog file may hold, and what is said of one that cannot be used."""

from __future__ import annotations

import pytest

from ingestion.imports.catalog_lines import parse_catalog_line
from ingestion.imports.rows import UnusableRow


def test_full_line_is_read_with_every_field() -> None:
    film = parse_catalog_line(
        '{"movie_id": "m1", "title": "Città d\'Ombra", "year": 1999, "genres": ["Drama"], "directors": ["A. B."],'
        ' "actors": ["C", "D"], "runtime_minutes": 101, "poster_path": "/posters/m1.svg", "budget": 3}'
    )
    assert film.model_dump() == {
        "movie_id": "m1",
        "title": "Città d'Ombra",
        "year": 1999,
        "genres": ["Drama"],
        "directors": ["A. B."],
        "actors": ["C", "D"],
        "runtime_minutes": 101,
        "poster_path": "/posters/m1.svg",
    }


def test_what_a_line_leaves_out_is_known_from_what_it_clears() -> None:
    assert parse_catalog_line('{"movie_id": "m1", "title": "T"}').model_fields_set == {"movie_id", "title"}
    cleared = parse_catalog_line('{"movie_id": "m1", "title": "T", "year": null}')
    assert cleared.model_fields_set == {"movie_id", "title", "year"}


def test_text_that_was_encoded_twice_is_repaired() -> None:
    twice = "Città".encode().decode("latin-1")
    film = parse_catalog_line(f'{{"movie_id": "m1", "title": "{twice}", "actors": ["{twice}"], "genres": ["{twice}"]}}')
    assert (film.title, film.actors, film.genres) == ("Città", ["Città"], ["Città"])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"movie_id": "m1", "title": "T"', "not JSON"),
        ("[]", "not a JSON object"),
        ('"m1"', "not a JSON object"),
        ('{"title": "T"}', "movie_id"),
        ('{"movie_id": "m1"}', "title"),
        ('{"movie_id": "m1", "title": ""}', "title"),
        ('{"movie_id": 1, "title": "T"}', "movie_id"),
        ('{"movie_id": "", "title": "T"}', "movie_id"),
        ('{"movie_id": "m1", "title": {"$gt": ""}}', "title"),
        ('{"movie_id": "m1", "title": "a\\u0000b"}', "title"),
        ('{"movie_id": "m1", "title": "T", "year": "1999"}', "year"),
        ('{"movie_id": "m1", "title": "T", "year": 99999}', "year"),
        ('{"movie_id": "m1", "title": "T", "year": true}', "year"),
        ('{"movie_id": "m1", "title": "T", "genres": "Drama"}', "genres"),
        ('{"movie_id": "m1", "title": "T", "genres": ["Drama", 7]}', "genres.1"),
        ('{"movie_id": "m1", "title": "T", "runtime_minutes": -1}', "runtime_minutes"),
        ('{"movie_id": "m1", "title": "T", "runtime_minutes": NaN}', "not JSON"),
        ('{"movie_id": "m1", "title": "T", "poster_path": ["x"]}', "poster_path"),
        ('{"movie_id": "m1", "title": "\\ud800"}', ""),
    ],
)
def test_bad_line_is_refused_and_the_field_named(line: str, reason: str) -> None:
    with pytest.raises(UnusableRow) as refusal:
        parse_catalog_line(line)
    assert str(refusal.value).startswith(reason)
    assert "\n" not in str(refusal.value)
