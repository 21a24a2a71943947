"""One film a line, as JSON: the format of `cinematch import catalog`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cinematch.contracts.event_codec import Genres, Identifier, Text, Title
from cinematch.domain.watchlist import Film
from ingestion.imports.repair import repaired
from ingestion.imports.rows import UnusableRow

PEOPLE_MAX: Final = 1_000
Name = Annotated[str, Field(min_length=1, max_length=200), Text]
_TEXT_FIELDS: Final = ("title", "genres", "directors", "actors")


class CatalogLine(BaseModel):
    """A film as its line says it. A field that the line does not name is not in `model_fields_set`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    movie_id: Identifier
    title: Annotated[Title, Field(min_length=1)]
    year: Annotated[int, Field(ge=1800, le=2200)] | None = None
    genres: Genres | None = None
    directors: Annotated[list[Name], Field(max_length=PEOPLE_MAX)] | None = None
    actors: Annotated[list[Name], Field(max_length=PEOPLE_MAX)] | None = None
    runtime_minutes: Annotated[int, Field(ge=0, le=100_000)] | None = None
    poster_path: Annotated[str, Field(max_length=2_000), Text] | None = None

    def film(self) -> Film:
        """Give the film; what the line leaves out or clears is empty."""
        return Film(
            movie_id=self.movie_id,
            title=self.title,
            year=self.year,
            genres=tuple(dict.fromkeys(self.genres or ())),
            directors=tuple(dict.fromkeys(self.directors or ())),
            actors=tuple(dict.fromkeys(self.actors or ())),
            runtime_minutes=self.runtime_minutes or 0,
            poster_path=self.poster_path,
        )


def parse_catalog_line(line: str) -> CatalogLine:
    """Read one line; text that was encoded twice is repaired. Raises UnusableRow, which names the field."""
    try:
        fields = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise UnusableRow("not JSON") from None
    if not isinstance(fields, dict):
        raise UnusableRow("not a JSON object")
    try:
        return CatalogLine.model_validate(_repaired_fields(fields))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise UnusableRow(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _repaired_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _repaired(value) if name in _TEXT_FIELDS else value for name, value in fields.items()}


def _repaired(value: Any) -> Any:
    if isinstance(value, str):
        return repaired(value)
    if isinstance(value, list):
        return [_repaired(item) for item in value]
    return value
