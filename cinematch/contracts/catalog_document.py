"""A film as the collection `catalog` keeps it.

`changed_at`, where there is one, is when an import last changed the entry, by MongoDB's clock. `normalized_title` and
`title_words` are what a search finds: both are derived from the title, here and nowhere else.
"""

from __future__ import annotations

from typing import Any

from cinematch.domain.titles import normalize_title
from cinematch.domain.watchlist import Film

Document = dict[str, Any]


def catalog_document(film: Film) -> Document:
    """Give the document of a film."""
    normalized = normalize_title(film.title)
    return {
        "_id": film.movie_id,
        "title": film.title,
        "normalized_title": normalized,
        "title_words": sorted(set(normalized.split())),
        "year": film.year,
        "genres": list(film.genres),
        "directors": list(film.directors),
        "actors": list(film.actors),
        "runtime_minutes": film.runtime_minutes,
        "poster_path": film.poster_path,
    }


def read_film(document: Document) -> Film:
    """Give back the film of a document; fields that it lacks are empty."""
    return Film(
        movie_id=document["_id"],
        title=document["title"],
        year=document.get("year"),
        genres=tuple(document.get("genres") or ()),
        directors=tuple(document.get("directors") or ()),
        actors=tuple(document.get("actors") or ()),
        runtime_minutes=document.get("runtime_minutes") or 0,
        poster_path=document.get("poster_path"),
        changed_at=document.get("changed_at"),
    )
