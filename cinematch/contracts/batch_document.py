"""The batch document: one user's summary as MongoDB keeps it, and as the serving layer reads it back.

Names of people and genres are values, never keys, so dots and dollars in them are harmless. The rankings, up to
some thousands of rows that nobody asks the database for, are one packed value: a sixth of what they take as BSON.
"""

from __future__ import annotations

import zlib
from datetime import datetime
from typing import Any, Final

import orjson

from cinematch.contracts.times import as_utc, from_milliseconds, in_milliseconds
from cinematch.domain.rankings import Ranking
from cinematch.domain.statistics import statistics
from cinematch.domain.summary import Person, RankedFilm, Summary
from cinematch.domain.totals import Credit, Totals
from cinematch.domain.watchlist import ListEntry

Document = dict[str, Any]
DOCUMENT_VERSION: Final = 2
"""To be raised whenever the same list and catalog give another document (or another whole list) than before: a batch
run carries documents over only from a generation of its own version. A test pins a document to each version.
Readers know version 1, too: it stays published until the first night with this one, and a rollback may publish it."""
_QUICKEST: Final = 1
"""Level of zlib: the usual one takes twice as long for an eighth less."""


def batch_document(user_id: str, summary: Summary, generation: int, updated_at: datetime) -> Document:
    """Give the document of `user_stats_batch`: the finished `stats`, and the `summary` that later events merge into."""
    return {
        "_id": user_id,
        "user_id": user_id,
        "generation": generation,
        "as_of_sequence": summary.sequence,
        "updated_at": updated_at,
        "stats": statistics(summary),
        "summary": _summary_document(summary),
    }


def read_summary(document: Document) -> Summary:
    """Give back the summary of a batch document, of this version or of version 1."""
    fields = document["summary"]
    rankings = orjson.loads(zlib.decompress(fields["rankings"])) if "rankings" in fields else fields
    return Summary(
        sequence=document["as_of_sequence"],
        totals=Totals(
            films=fields["films"],
            rated=fields["rated"],
            rating_tenths=fields["rating_tenths"],
            minutes=fields["minutes"],
            histogram=dict(fields["histogram"]),
            genres=dict(fields["genres"]),
        ),
        top_rated=_read_films(rankings["top_rated"]),
        recent=_read_films(rankings["recent"]),
        directors=_read_people(rankings["directors"]),
        actors=_read_people(rankings["actors"]),
    )


def entry_document(entry: ListEntry) -> Document:
    """Give a list entry as `movies_list` keeps it; the rating in tenths."""
    return {
        "movie_id": entry.movie_id,
        "title": entry.title,
        "genres": list(entry.genres),
        "rating_tenths": entry.rating_tenths,
        "watched_at": entry.watched_at,
        "added_at": entry.added_at,
    }


def read_entry(fields: Document) -> ListEntry:
    """Give back the entry of `entry_document`."""
    return ListEntry(
        movie_id=fields["movie_id"],
        title=fields["title"],
        genres=tuple(fields["genres"]),
        rating_tenths=fields["rating_tenths"],
        watched_at=as_utc(fields["watched_at"]),
        added_at=as_utc(fields["added_at"]),
    )


def _summary_document(summary: Summary) -> Document:
    totals = summary.totals
    return {
        "films": totals.films,
        "rated": totals.rated,
        "rating_tenths": totals.rating_tenths,
        "minutes": totals.minutes,
        "histogram": sorted([bucket, count] for bucket, count in totals.histogram.items()),
        "genres": sorted([genre, count] for genre, count in totals.genres.items()),
        "rankings": zlib.compress(orjson.dumps(_rankings_document(summary)), _QUICKEST),
    }


def _rankings_document(summary: Summary) -> Document:
    return {
        "top_rated": _films_document(summary.top_rated),
        "recent": _films_document(summary.recent),
        "directors": _people_document(summary.directors),
        "actors": _people_document(summary.actors),
    }


def _films_document(ranking: Ranking[RankedFilm]) -> Document:
    rows = [(film, title, tenths, in_milliseconds(at), poster) for film, title, tenths, at, poster in ranking.rows]
    return {"complete": ranking.complete, "rows": rows}


def _read_films(fields: Document) -> Ranking[RankedFilm]:
    rows = [
        RankedFilm(film, title, tenths, _read_time(at), poster) for film, title, tenths, at, poster in fields["rows"]
    ]
    return Ranking(tuple(rows), fields["complete"])


def _people_document(ranking: Ranking[Person]) -> Document:
    return {"complete": ranking.complete, "rows": [[person.name, *person.credit] for person in ranking.rows]}


def _read_people(fields: Document) -> Ranking[Person]:
    rows = [
        Person(name, Credit(films, rated, tenths, minutes)) for name, films, rated, tenths, minutes in fields["rows"]
    ]
    return Ranking(tuple(rows), fields["complete"])


def _read_time(stored: int | datetime) -> datetime:
    """Milliseconds since the epoch; in documents of version 1 a time."""
    return as_utc(stored) if isinstance(stored, datetime) else from_milliseconds(stored)
