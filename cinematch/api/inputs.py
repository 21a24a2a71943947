"""Inputs that are stricter than the event log: what a client may newly bring in."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from cinematch.contracts import event_codec
from cinematch.domain.events import ID_MAX_CHARACTERS

_UNSEEN: Final = re.compile("[\x80-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb]")
"""Controls, line ends and marks of direction: two ids that differ only in them look the same, or one as another."""


def _visible(text: str) -> str:
    if _UNSEEN.search(text):
        raise ValueError("must not contain invisible control characters")
    return text


Identifier = Annotated[event_codec.Identifier, AfterValidator(_visible)]
"""An id as the event log has it, of signs that people can see."""
Prefix = Annotated[str, Field(max_length=ID_MAX_CHARACTERS), event_codec.Text, AfterValidator(_visible)]
"""The beginning of an id; empty: of any."""
