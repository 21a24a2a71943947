"""The routers of the installed layers, found by entry point (group `cinematch.routers`)."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Final

from fastapi import APIRouter

from cinematch.errors import ConfigurationError

GROUP: Final = "cinematch.routers"


def installed_routers() -> dict[str, APIRouter]:
    """Import and give every layer's router by name. Raises ConfigurationError: an API in part is no API."""
    routers: dict[str, APIRouter] = {}
    for entry in sorted(entry_points(group=GROUP)):
        try:
            routers[entry.name] = entry.load()
        except (ImportError, AttributeError) as error:
            raise ConfigurationError(
                f"the router {entry.name!r} ({entry.value}) cannot be imported: {error}"
            ) from error
    return routers
