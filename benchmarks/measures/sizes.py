"""What one event and one user weigh in each store. Nothing is timed and no server runs: sizes are those of the
encodings, on 100,000 events of 2,000 invented users, as long as Zipf's law has them. Indexes, replicas and the
compression of MongoDB and Kafka are not in them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import bson

from benchmarks.rows import Bound, Findings, Goal, alone
from cinematch.adapters.mongodb_watchlist_plan import outbox_documents
from cinematch.contracts import event_codec, speed_entry
from cinematch.contracts.batch_document import batch_document
from cinematch.contracts.generations import list_chunks
from cinematch.contracts.lake_file import encode_file
from cinematch.contracts.lake_manifest import LakeObject
from cinematch.contracts.lake_schema import KafkaPlace, to_table
from cinematch.contracts.movie_document import movie_document
from cinematch.domain.changes import Stamp, effective_events
from cinematch.domain.events import Event
from cinematch.domain.summary import summarise
from cinematch.domain.watchlist import replay
from ingestion.seeding.catalog import invented_catalog
from ingestion.seeding.histories import interleaved
from ingestion.seeding.loading import DataSet

TITLE: Final = "Sizes"
LIMIT: Final = (
    "An event carries its film's name, genres and three times, so that any single one is enough to rebuild an entry. "
    "In the compacted lake the greatest part is the event's random identity, ten bytes that nothing compresses. "
    "Times, offsets and identities without a dictionary, as differences from their neighbours, took off 11 bytes."
)
SECONDS: Final = (60.0, 60.0)
NOW: Final = datetime(2026, 1, 19, tzinfo=UTC)
DATA: Final = DataSet(seed=1, users=2_000, events=100_000, until=NOW)
LIST_SIZES: Final = (10, 50, 200, 500)
OBJECT_ROWS: Final = (1_000, 50_000)


def measure(quick: bool) -> Findings:
    """Weigh everything; quick or not."""
    weighed = sizes()
    goal = {"lake, compacted": Goal(Bound.AT_MOST, 40.0, of_ratio=False)}
    return Findings(
        rows=[
            *(alone(f"an event in {name}", "bytes", [it], goal.get(name)) for name, it in weighed.events.items()),
            alone("a film in a generation's whole lists", "bytes", [weighed.listed]),
            *(alone(f"batch document of {films} films", "bytes", [it]) for films, it in weighed.documents.items()),
        ]
    )


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes an event by place, of a film in whole lists, and of a batch document by films."""

    events: dict[str, float]
    listed: float
    documents: dict[int, int]


def sizes() -> Sizes:
    """Weigh what the invented users did."""
    histories = [list(_history(place, length)) for place, length in enumerate(DATA.lengths())]
    queues = [iter(events) for events in histories]
    log = [event for place in interleaved(DATA.lengths()) if (event := next(queues[place], None))]
    return Sizes(
        events={
            "Kafka, JSON and key": _mean(len(event_codec.encode(it)) + len(it.user_id) for it in log),
            "MongoDB's movies": _mean(len(bson.encode(movie_document(it))) for it in log),
            "MongoDB's outbox": _mean(len(bson.encode(document)) for document in outbox_documents(log)),
            "Redis, the tail entry": _mean(len(speed_entry.encode(it)) for it in log),
            **{f"lake objects of {rows:,}": _in_lake(log[:rows]) for rows in OBJECT_ROWS},
            "lake, compacted": _in_lake(log, ("user_id", "sequence")),
        },
        listed=_listed_bytes(histories),
        documents={films: _document_bytes(histories, films) for films in LIST_SIZES},
    )


def _history(place: int, length: int) -> Iterator[Event]:
    draw = random.Random(place)
    times = (NOW + timedelta(seconds=30 * number + place % 30) for number in range(1, length + 2))
    stamps = (Stamp(_event_id(now, draw), number, now) for number, now in enumerate(times, 1))
    yield from effective_events(DATA.user_id(place), DATA.changes(place, length), {}, stamps)


def _event_id(now: datetime, draw: random.Random) -> str:
    """Give a UUIDv7 as ingestion would, save that the same run gives the same: sizes are to be the same again."""
    return str(UUID(int=int(now.timestamp() * 1000) << 80 | 7 << 76 | draw.getrandbits(76)))


def _in_lake(events: Sequence[Event], sorted_by: Sequence[str] = ()) -> float:
    rows = [(event, KafkaPlace(0, offset, event.event_time)) for offset, event in enumerate(events)]
    link = LakeObject("key", "user-movie-events", "id", 0, NOW.date(), 0, len(rows), len(rows))
    table = to_table(rows)
    ordered = table.sort_by([(column, "ascending") for column in sorted_by]) if sorted_by else table
    _, body = encode_file(ordered, link, sorted_by)
    return round(len(body) / len(rows), 1)


def _listed_bytes(histories: Sequence[Sequence[Event]]) -> float:
    lists = [replay(events) for events in histories]
    weight = sum(len(bson.encode(chunk)) for watchlist in lists for chunk in list_chunks("user", watchlist))
    return round(weight / sum(len(watchlist.entries) for watchlist in lists), 1)


def _document_bytes(histories: Sequence[Sequence[Event]], films: int) -> int:
    """Weigh the document of the busiest user, as it was with so many films."""
    catalog = {film.movie_id: film for film in invented_catalog(DATA.seed)}
    events = histories[0]
    for length in range(films, len(events) + 1):
        watchlist = replay(events[:length])
        if len(watchlist.entries) == films:
            return len(bson.encode(batch_document("user", summarise(watchlist, catalog), 1, NOW)))
    raise ValueError(f"no invented user has {films} films")


def _mean(values: Iterator[int]) -> float:
    weights = list(values)
    return round(sum(weights) / len(weights), 1)
