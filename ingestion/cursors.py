"""Cursors of paged answers: opaque to clients, so that what is behind them may change."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from cinematch.adapters.mongodb_catalog import Place

_MAX_CHARACTERS: Final = 16_384
"""More than the longest title needs, and less than a URL may hold."""
_SEPARATOR: Final = "\0"  # no id and no title may hold one
_PARTS_OF_LIST: Final = 1
_PARTS_OF_SEARCH: Final = 2


def cursor_after(item_id: str) -> str:
    """Give the cursor of the page that begins behind the film or user of this id."""
    return _encoded([item_id])


def position(cursor: str) -> str:
    """Give back the id of `cursor_after`. Raises ValueError for what is no cursor of ours."""
    (item_id,) = _decoded(cursor, _PARTS_OF_LIST)
    return item_id


def search_cursor_after(place: Place) -> str:
    """Give the cursor of the page of a search that begins behind `place`."""
    return _encoded([place.movie_id, place.normalized_title])


def search_position(cursor: str) -> Place:
    """Give back the place of `search_cursor_after`. Raises ValueError for what is no cursor of ours."""
    movie_id, normalized_title = _decoded(cursor, _PARTS_OF_SEARCH)
    return Place(normalized_title, movie_id)


def _encoded(parts: list[str]) -> str:
    return urlsafe_b64encode(_SEPARATOR.join(parts).encode()).decode("ascii")


def _decoded(cursor: str, expected: int) -> list[str]:
    try:
        parts = urlsafe_b64decode(cursor.encode("ascii")).decode().split(_SEPARATOR)
    except (binascii.Error, UnicodeError):
        parts = []
    if len(parts) != expected or not all(parts) or _encoded(parts) != cursor:
        raise ValueError("is no cursor that this API gave")
    return parts


def _of_list(cursor: str) -> str:
    position(cursor)
    return cursor


def _of_search(cursor: str) -> str:
    search_position(cursor)
    return cursor


Cursor = Annotated[str, Field(max_length=_MAX_CHARACTERS), AfterValidator(_of_list)]
SearchCursor = Annotated[str, Field(max_length=_MAX_CHARACTERS), AfterValidator(_of_search)]
