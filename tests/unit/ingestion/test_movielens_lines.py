"""How rows of the published MovieLens files are read, and what is said of one that cannot be used."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cinematch.contracts.event_codec import GENRES_MAX
from cinematch.domain.watchlist import Film
from ingestion.imports.movielens_lines import (
    Links,
    StarRating,
    doubled_tenths,
    link_parser,
    movie_parser,
    rating_parser,
    split_year,
)
from ingestion.imports.rows import UnusableRow

movie = movie_parser([0, 1, 2])
rating = rating_parser([0, 1, 2, 3])
link = link_parser([0, 1, 2])


@pytest.mark.parametrize(
    ("text", "title", "year"),
    [
        ("Toy Story (1995)", "Toy Story", 1995),
        ("(500) Days of Summer (2009)", "(500) Days of Summer", 2009),
        ("Blade Runner 2049 (2017) ", "Blade Runner 2049", 2017),
        ("2001: A Space Odyssey (1968)", "2001: A Space Odyssey", 1968),
        ("Seven (a.k.a. Se7en) (1995)", "Seven (a.k.a. Se7en)", 1995),
        ("Fawlty Towers (1975-1979)", "Fawlty Towers", 1975),
        ("Death Note (2006–2007)", "Death Note", 2006),
        ("Series (1994– )", "Series", 1994),
        ("Babylon 5", "Babylon 5", None),
        ("Ready (199)", "Ready (199)", None),
        ("(1995)", "(1995)", None),
        ("Trap (1995) (uncut)", "Trap (1995) (uncut)", None),
    ],
)
def test_year_at_the_end_is_split_off(text: str, title: str, year: int | None) -> None:
    assert split_year(text) == (title, year)


@given(st.text(max_size=40), st.integers(1800, 2100))
def test_split_year_takes_off_what_was_put_on(title: str, year: int) -> None:
    if stripped := title.strip():
        assert split_year(f"{stripped} ({year})") == (stripped, year) or "\n" in stripped


def test_movie_row_gives_a_film() -> None:
    film = movie('1,"American President, The (1995)",Comedy|Drama|Comedy')
    assert film == Film("1", "American President, The", year=1995, genres=("Comedy", "Drama"))


def test_no_genres_listed_means_none() -> None:
    assert movie("1,Cosmos,(no genres listed)").genres == ()
    assert movie("1,Cosmos,").genres == ()


def test_movie_text_that_was_encoded_twice_is_repaired() -> None:
    twice = "Amélie (2001)".encode().decode("latin-1")
    assert movie(f"1,{twice},Drama").title == "Amélie"


def test_a_film_has_as_many_genres_as_an_event_may_name() -> None:
    names = [f"g{n}" for n in range(GENRES_MAX)]
    assert movie(f"1,Heat,{'|'.join([*names, names[0], ''])}").genres == tuple(names)


@pytest.mark.parametrize(("stars", "tenths"), [("0.5", 10), ("3", 60), ("3.5", 70), ("5.0", 100), ("4.25", 85)])
def test_rating_is_doubled(stars: str, tenths: int) -> None:
    assert doubled_tenths(stars) == tenths


def test_rating_row_keeps_ids_and_time() -> None:
    assert rating("7,318,4.5,964982703") == StarRating("7", "318", 90, datetime(2000, 7, 30, 18, 45, 3, tzinfo=UTC))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1,2,3.5", "3 columns where 4 are due"),
        ("", "0 columns"),
        ("1,2,0,964982703", "rating"),
        ("1,2,5.5,964982703", "rating"),
        ("1,2,-1,964982703", "rating"),
        ("1,2,4.33,964982703", "rating"),
        ("1,2,nan,964982703", "rating"),
        ("1,2,1e0,964982703", "rating"),
        ("1,2,٣,964982703", "rating"),
        ("1,2,,964982703", "rating"),
        (",2,3,964982703", "userId"),
        ("1,,3,964982703", "movieId"),
        (f"{'9' * 129},2,3,964982703", "userId"),
        ("1,2,3,yesterday", "timestamp"),
        ("1,2,3,-5", "timestamp"),
        ("1,2,3,1.5", "timestamp"),
        ("1,2,3,964982703000000", "timestamp"),
        ("1,2,3,964982703000", "timestamp"),
        ("1,2,3,9649827030", "timestamp"),
        ('"1,2,3,964982703', "not a row of CSV"),
        ("1\x00,2,3,964982703", "userId"),
    ],
)
def test_bad_rating_row_is_refused_with_a_reason(line: str, reason: str) -> None:
    with pytest.raises(UnusableRow) as refusal:
        rating(line)
    assert str(refusal.value).startswith(reason)


@pytest.mark.parametrize("line", ["7,318,4.5,964982703", "7,318,4.5,1537799250"])
def test_a_rating_row_is_refused_wherever_the_file_was_cut(line: str) -> None:
    """Most of all within its time: the rest would be a time, too, of the 1970s."""
    rating(line)
    for length in range(len(line)):
        with pytest.raises(UnusableRow):
            rating(line[:length])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1,Heat (1995)", "2 columns"),
        (",Heat (1995),Drama", "movieId"),
        ("1,,Drama", "title"),
        (f"1,{'x' * 1001},Drama", "title"),
        (f"1,Heat,{'g' * 129}", "genres"),
        (f"1,Heat,{'|'.join(f'g{n}' for n in range(GENRES_MAX + 1))}", "genres"),
    ],
)
def test_bad_movie_row_is_refused_with_a_reason(line: str, reason: str) -> None:
    with pytest.raises(UnusableRow) as refusal:
        movie(line)
    assert str(refusal.value).startswith(reason)


def test_links_may_be_missing_but_not_wrong() -> None:
    assert link("1,0114709,862") == Links("1", "tt0114709", "862")
    assert link("1,0114709,") == Links("1", "tt0114709", None)
    with pytest.raises(UnusableRow, match="tmdbId"):
        link("1,0114709,eight")
