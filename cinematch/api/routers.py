"""The routers of the installed layers, found by entry point (group `cinematch.routers`)."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Final

from fastapi import APIRouter

from cinematch.errors import ConfigurationError

GROUP: Final = "cinematch.routers"
ASKED_MOST: Final = ("serving_layer", "ingestion")
"""They come first: for each request one route after the other is asked whether it is meant."""


def installed_routers() -> dict[str, APIRouter]:
    """Import and give every layer's router by name. Raises ConfigurationError: an API in part is no API."""
    routers: dict[str, APIRouter] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: (entry.name not in ASKED_MOST, entry.name)):
        try:
            routers[entry.name] = entry.load()
        except (ImportError, AttributeError) as error:
            raise ConfigurationError(
                f"the router {entry.name!r} ({entry.value}) cannot be imported: {error}"
            ) from error
    return routers
