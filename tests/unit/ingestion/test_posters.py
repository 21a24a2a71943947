"""Posters are well-formed pictures, whatever the title holds."""

from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from cinematch.domain.watchlist import Film
from ingestion.posters import poster_path, poster_svg

ANY_TEXT = st.text(st.characters(codec=None), max_size=80)


@given(ANY_TEXT, ANY_TEXT, st.lists(ANY_TEXT, max_size=2), st.none() | st.integers(1900, 2030))
def test_every_film_has_a_well_formed_poster(movie_id: str, title: str, genres: list[str], year: int | None) -> None:
    film = Film(movie_id, title, year=year, genres=tuple(genres))
    root = ElementTree.fromstring(poster_svg(film))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert {element.tag.split("}")[1] for element in root.iter()} <= {"svg", "rect", "circle", "text"}


def test_title_stands_on_the_poster_and_is_never_markup() -> None:
    svg = poster_svg(Film("m1", '<script>alert("x")</script>', year=1999, genres=("Drama",)))
    text = " ".join(element.text or "" for element in ElementTree.fromstring(svg).iter())
    assert "<script" not in svg
    assert "<script>" in text.replace(" ", "")
    assert "1999 · Drama" in text


def test_same_film_gives_the_same_poster_and_another_film_another() -> None:
    assert poster_svg(Film("m1", "Heat")) == poster_svg(Film("m1", "Heat"))
    assert poster_svg(Film("m1", "Heat")) != poster_svg(Film("m2", "Heat"))


def test_path_holds_no_character_that_means_something_in_a_path() -> None:
    assert poster_path("a/b c?") == "/posters/a%2Fb%20c%3F.svg"
