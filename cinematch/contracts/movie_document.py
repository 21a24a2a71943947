"""One film in one user's list, as the collection `movies` keeps it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from cinematch.domain.events import Event, to_tenths
from cinematch.domain.watchlist import ListEntry

Document = dict[str, Any]


def movie_document(event: Event) -> Document:
    """Give the entry as an ADD or UPDATE leaves it; `sequence` is that of the entry's last change."""
    return {
        "user_id": event.user_id,
        "movie_id": event.movie_id,
        "title": event.movie_name,
        "genres": list(event.genres),
        "rating": event.rating,
        "watched_at": event.watched_at,
        "added_at": event.added_at,
        "sequence": event.sequence,
    }


def read_movie(document: Document) -> ListEntry:
    """Give back the entry of a document; times are aware UTC."""
    return ListEntry(
        movie_id=document["movie_id"],
        title=document["title"],
        genres=tuple(document["genres"]),
        rating_tenths=to_tenths(document["rating"]),
        watched_at=_utc(document["watched_at"]),
        added_at=_utc(document["added_at"]),
    )


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
