"""`python -m benchmarks.sizes [FILE]`: what one event and one user weigh in each store, in bytes; under a minute.

Nothing is timed and no server runs: sizes are those of the encodings, on invented histories of Zipf-like users.
Indexes, replicas and the compression of MongoDB and Kafka are not in them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import bson
import orjson
import uuid6

from cinematch.adapters.mongodb_watchlist_plan import outbox_documents
from cinematch.contracts import event_codec, speed_entry
from cinematch.contracts.batch_document import batch_document
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

DEFAULT_FILE: Final = Path("benchmarks/results/sizes.json")
NOW: Final = datetime(2026, 1, 19, tzinfo=UTC)
DATA: Final = DataSet(seed=1, users=2_000, events=100_000, until=NOW)
LIST_SIZES: Final = (10, 50, 200, 500)
OBJECT_ROWS: Final = (1_000, 50_000)


def main() -> None:
    """Weigh everything, print it and write it down."""
    weighed = sizes()
    text = orjson.dumps(weighed, option=orjson.OPT_INDENT_2) + b"\n"
    sys.stdout.write(text.decode())
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_FILE
    target.write_bytes(text)


def sizes() -> dict[str, Any]:
    """Give bytes an event and bytes a user."""
    histories = [list(_history(place, length)) for place, length in enumerate(DATA.lengths())]
    queues = [iter(events) for events in histories]
    log = [event for place in interleaved(DATA.lengths()) if (event := next(queues[place], None))]
    return {
        "events": len(log),
        "users": len(histories),
        "bytes_an_event": {
            "kafka_json_and_key": _mean(len(event_codec.encode(it)) + len(it.user_id) for it in log),
            "mongodb_movies": _mean(len(bson.encode(movie_document(it))) for it in log),
            "mongodb_outbox": _mean(len(bson.encode(document)) for document in outbox_documents(log)),
            "redis_tail_entry": _mean(len(speed_entry.encode(it)) for it in log),
            **{f"lake_objects_of_{rows}": _in_lake(log[:rows]) for rows in OBJECT_ROWS},
            "lake_compacted": _in_lake(log, ("user_id", "sequence")),
        },
        "batch_document_bytes": [{"films": films, "bytes": _document_bytes(histories, films)} for films in LIST_SIZES],
    }


def _history(place: int, length: int) -> Iterator[Event]:
    stamps = (
        Stamp(str(uuid6.uuid7()), number, NOW + timedelta(seconds=30 * number + place % 30))
        for number in range(1, length + 2)
    )
    yield from effective_events(DATA.user_id(place), DATA.changes(place, length), {}, stamps)


def _in_lake(events: Sequence[Event], sorted_by: Sequence[str] = ()) -> float:
    rows = [(event, KafkaPlace(0, offset, event.event_time)) for offset, event in enumerate(events)]
    link = LakeObject("key", "user-movie-events", "id", 0, NOW.date(), 0, len(rows), len(rows))
    table = to_table(rows)
    ordered = table.sort_by([(column, "ascending") for column in sorted_by]) if sorted_by else table
    _, body = encode_file(ordered, link, sorted_by)
    return round(len(body) / len(rows), 1)


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


if __name__ == "__main__":
    main()
