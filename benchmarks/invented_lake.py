"""A lake full of events, made column by column: ten million take seconds and no Python object each.

Users act in turns. Of ten events of a user eight add a film, one changes the rating of the film before and one removes
the film before; so of ten events seven films remain. All is valid by the event contract.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.population import SEED, user_name
from cinematch.adapters import s3_objects
from cinematch.adapters.s3_lake_folder import LakeFolder
from cinematch.contracts.lake_file import COMPRESSION, encode_file
from cinematch.contracts.lake_manifest import LakeObject
from cinematch.contracts.lake_paths import EVENTS_FOLDER, ObjectName
from cinematch.contracts.lake_schema import EVENTS_SCHEMA
from cinematch.contracts.log_record import LogPartition
from cinematch.settings import Settings
from ingestion.seeding.catalog import invented_catalog

PARTITIONS: Final = 4
OBJECT_ROWS: Final = 50_000
SPREAD: Final = timedelta(days=20)
"""How far back the first events lie: within the window of a nightly run."""
Numbers = np.ndarray[Any, Any]


class InventedLake:
    """Appends events of users 0, 1, 2, ... to the lake of `settings`, and the same rows to files in `copies`."""

    def __init__(self, settings: Settings, copies: Path) -> None:
        self._folder = LakeFolder(s3_objects.connect(settings), EVENTS_FOLDER)
        self._topic = settings.events_topic
        self._copies = copies
        self._next_offsets = [0] * PARTITIONS
        self._began = datetime.now(UTC) - SPREAD
        copies.mkdir(exist_ok=True)

    def append(self, users: int, first_sequence: int, events_each: int) -> None:
        """Append `events_each` events from `first_sequence` on of each of the first `users` users."""
        for partition in range(PARTITIONS):
            own = np.arange(partition, users, PARTITIONS)
            rounds = max(1, OBJECT_ROWS // max(1, len(own)))
            for start in range(0, events_each, rounds):
                sequences = np.arange(start, min(start + rounds, events_each)) + first_sequence
                self._put(partition, np.tile(own, len(sequences)), np.repeat(sequences, len(own)))

    def _put(self, partition: int, user: Numbers, sequence: Numbers) -> None:
        first, rows = self._next_offsets[partition], len(user)
        table = events_table(partition, user, sequence, first, self._began)
        day = table["kafka_timestamp"][-1].as_py().date()
        place = LogPartition(self._topic, partition)
        link = LakeObject(
            key=ObjectName(EVENTS_FOLDER, place, day, first).key,
            topic=self._topic,
            topic_id="without-kafka",
            partition=partition,
            day=day,
            first_offset=first,
            next_offset=first + rows,
            rows=rows,
        )
        self._folder.append(*encode_file(table, link))
        pq.write_table(table, self._copies / f"{partition}-{first:012d}.parquet", compression=COMPRESSION)
        self._next_offsets[partition] += rows


def write_catalog(path: Path) -> None:
    """Write the invented films as Parquet, for the peer."""
    films = [
        {
            "movie_id": film.movie_id,
            "directors": list(film.directors),
            "actors": list(film.actors),
            "runtime_minutes": film.runtime_minutes,
            "poster_path": film.poster_path,
        }
        for film in invented_catalog(SEED)
    ]
    pq.write_table(pa.Table.from_pylist(films), path)


def events_table(partition: int, user: Numbers, sequence: Numbers, first_offset: int, began: datetime) -> pa.Table:
    """Give the events of these users and sequences, one row each, as the lake keeps them."""
    films = invented_catalog(SEED)
    kind = np.select([sequence % 10 == 0, sequence % 10 == 5], [1, 2], 0)  # UPDATE, DELETE, ADD
    film = (user * 37 + np.where(kind == 0, sequence, sequence - 1)) % len(films)
    rating = 0.5 + (user + sequence + np.where(kind == 1, 3, 0)) % 20 / 2
    before = 0.5 + (user + sequence - 1) % 20 / 2
    times = _times(sequence, began)
    added = np.where(kind == 0, times, _times(sequence - 1, began))
    names = pa.array([user_name(number) for number in range(int(user.max()) + 1)])
    columns = {
        "schema_version": np.ones(len(user), np.int32),
        "event_id": pa.array([f"{partition}-{offset}" for offset in range(first_offset, first_offset + len(user))]),
        "event_type": pa.array(["ADD", "UPDATE", "DELETE"]).take(pa.array(kind)),
        "user_id": names.take(pa.array(user)),
        "movie_id": pa.array([it.movie_id for it in films]).take(pa.array(film)),
        "movie_name": pa.array([it.title for it in films]).take(pa.array(film)),
        "genres": pa.array([list(it.genres) for it in films]).take(pa.array(film)),
        "rating": pa.array(rating, mask=kind == 2),
        "previous_rating": pa.array(before, mask=kind == 0),
        "sequence": sequence,
        "event_time": times,
        "watched_at": added,
        "added_at": added,
        "kafka_partition": np.full(len(user), partition, np.int32),
        "kafka_offset": np.arange(first_offset, first_offset + len(user)),
        "kafka_timestamp": times,
    }
    arrays = [_column(columns[field.name], field.type) for field in EVENTS_SCHEMA]
    return pa.Table.from_arrays(arrays, schema=EVENTS_SCHEMA)


def _times(sequence: Numbers, began: datetime) -> Numbers:
    """A user's events are ten seconds apart, the last ones of a full run long past."""
    return np.int64(began.timestamp() * 1000) + sequence.astype(np.int64) * 10_000


def _column(values: Any, kind: pa.DataType) -> pa.Array:
    array = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values)
    return array.cast(kind)
