"""Cursors of paged answers: opaque to clients, so that what is behind them may change."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from cinematch.domain.events import ID_MAX_CHARACTERS

_BYTES_PER_CHARACTER: Final = 4
_MAX_CHARACTERS: Final = (ID_MAX_CHARACTERS * _BYTES_PER_CHARACTER + 2) // 3 * 4


def cursor_after(movie_id: str) -> str:
    """Give the cursor of the page that begins behind `movie_id`."""
    return urlsafe_b64encode(movie_id.encode()).decode("ascii")


def position(cursor: str) -> str:
    """Give back the movie_id of `cursor_after`. Raises ValueError for what is no cursor of ours."""
    try:
        movie_id = urlsafe_b64decode(cursor.encode("ascii")).decode()
    except (binascii.Error, UnicodeError):
        movie_id = ""
    if not movie_id or cursor_after(movie_id) != cursor:
        raise ValueError("is no cursor that this API gave")
    return movie_id


def _checked(cursor: str) -> str:
    position(cursor)
    return cursor


Cursor = Annotated[str, Field(max_length=_MAX_CHARACTERS), AfterValidator(_checked)]
