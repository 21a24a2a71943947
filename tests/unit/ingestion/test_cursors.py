"""Cursors lead back to where they came from, and nothing else is one."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from cinematch.adapters.mongodb_catalog import Place
from cinematch.domain.events import ID_MAX_CHARACTERS
from ingestion.cursors import Cursor, SearchCursor, cursor_after, position, search_cursor_after, search_position

movie_ids = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=ID_MAX_CHARACTERS
)


@given(movie_ids)
def test_a_cursor_leads_back_to_its_film_and_is_accepted(movie_id: str) -> None:
    cursor = cursor_after(movie_id)
    assert position(cursor) == movie_id
    assert TypeAdapter(Cursor).validate_python(cursor) == cursor


@given(movie_ids, movie_ids)
def test_a_search_cursor_leads_back_to_its_place_and_is_no_cursor_of_a_list(title: str, movie_id: str) -> None:
    cursor = search_cursor_after(Place(title, movie_id))
    assert search_position(cursor) == Place(title, movie_id)
    assert TypeAdapter(SearchCursor).validate_python(cursor) == cursor
    with pytest.raises(ValidationError):
        TypeAdapter(Cursor).validate_python(cursor)


@given(st.text(max_size=40))
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    with suppress(ValueError):
        assert cursor_after(position(text)) == text


@pytest.mark.parametrize("text", ["", "aGVhdA", "aGVhdA===", "aGVh dA==", "$$", "è", "/w==", "_w==", "x" * 1000])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Cursor).validate_python(text)
