"""The client's models are what the API documents."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from pydantic import BaseModel

from cinematch.api.application import create_app
from cinematch.client import models
from cinematch.client.http_client import CatalogPage, MoviesPage, UsersPage
from cinematch.settings import Settings

Schema = dict[str, Any]

DOCUMENTED: Final[dict[str, type[BaseModel]]] = {
    "ChangeAnswer": models.Change,
    "CatalogPage": CatalogPage,
    "GlobalTrendsAnswer": models.GlobalTrends,
    "HabitsAnswer": models.Habits,
    "MoviesPage": MoviesPage,
    "UserStatsAnswer": models.UserStats,
    "UsersPage": UsersPage,
}
KEPT: Final = {"type", "format", "anyOf", "enum", "const"}


@pytest.fixture(scope="module")
def components() -> Schema:
    schemas: Schema = create_app(Settings()).openapi()["components"]["schemas"]
    return schemas


def bare(schema: Schema, definitions: Schema) -> Any:
    """A schema without references, and without what it says to people or of bounds."""
    if "$ref" in schema:
        return bare(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    kept: Schema = {name: value for name, value in schema.items() if name in KEPT}
    if "anyOf" in kept:
        kept["anyOf"] = sorted(
            (bare(part, definitions) for part in kept["anyOf"]), key=lambda part: json.dumps(part, sort_keys=True)
        )
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            kept[name] = bare(schema[name], definitions)
    if "properties" in schema:
        kept["properties"] = {name: bare(part, definitions) for name, part in schema["properties"].items()}
    return kept


@pytest.mark.parametrize("name", DOCUMENTED)
def test_a_model_has_the_documented_fields_and_types(components: Schema, name: str) -> None:
    own = DOCUMENTED[name].model_json_schema(mode="serialization")
    documented = bare(components[name], components)
    mine = bare(own, own.get("$defs", {}))
    fields = mine["properties"]
    assert fields == {field: documented["properties"][field] for field in fields}
    # What a page says beside its items is what was asked for; of other answers nothing is left out.
    assert name.endswith("Page") or documented["properties"] == fields
