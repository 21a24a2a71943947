"""The dashboard's words: one file of messages for each language, the same file for the pages and for their scripts.

A message is a text with `{names}`, or an object {one, other} of which `count` chooses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, Literal, get_args

import orjson
from starlette.requests import Request

from serving_layer.dashboard.assets import PACKAGE

Language = Literal["en", "it"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
NAMES: Final[Mapping[Language, str]] = {"en": "English", "it": "Italiano"}
COOKIE: Final = "language"
Message = str | dict[str, str]
Translate = Callable[..., str]


@cache
def messages(language: Language) -> dict[str, Message]:
    """Give a language's messages by key."""
    found: dict[str, Message] = orjson.loads((PACKAGE / "messages" / f"{language}.json").read_bytes())
    return found


def translator(language: Language) -> Translate:
    """Give `t(key, **values)`, which raises KeyError for a key or a value that is missing."""

    def translate(key: str, **values: Any) -> str:
        message = messages(language)[key]
        if isinstance(message, dict):
            message = message["one" if values["count"] == 1 else "other"]
        return message.format(**values)

    return translate


def chosen_language(request: Request) -> Language:
    """Give what the address says, else what was chosen before, else the first of the browser's that we speak."""
    asked = (request.query_params.get("lang"), request.cookies.get(COOKIE), *_accepted(request))
    return next((language for wish in asked for language in LANGUAGES if language == wish), LANGUAGES[0])


def _accepted(request: Request) -> list[str]:
    """Give the browser's languages in the order in which it names them: browsers send the preferred one first."""
    header = request.headers.get("accept-language", "")
    return [part.split(";")[0].strip().lower().split("-")[0] for part in header.split(",")]
