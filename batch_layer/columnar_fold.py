"""The fold of a group of users, in columns: what `replay` of the domain gives each of them, without a Python object an
event (which took 20 times as long; see docs/adr/0013-columnar-fold.md).

A list's entry is taken for the addition of its film before all events. Then one rule gives the list: of a film's
changes by sequence, the last one that is no UPDATE says what the entry is, and the last one of all what it is rated.
The laws of tests/unit/batch_layer/test_columnar_fold.py hold it to the domain's `replay`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import ArrayType, BooleanType, IntegerType, LongType, StructField, StructType, TimestampType

from batch_layer.state import STATE_SCHEMA
from cinematch.contracts.missing_events import gaps
from cinematch.domain.events import EventType

PENDING_SCHEMA: Final = StructType(
    [StructField("kafka_partition", IntegerType(), False), StructField("kafka_offset", LongType(), False)]
)
GAP_SCHEMA: Final = StructType([StructField("first", LongType(), False), StructField("last", LongType(), False)])
GAPS_OF_A_USER: Final = 100
"""So many gaps of a user are told at once; a later run tells the others."""
FOLDED_SCHEMA: Final = StructType(
    [
        *STATE_SCHEMA.fields,
        StructField("events", LongType(), False),
        StructField("first_event_time", TimestampType()),
        StructField("last_event_time", TimestampType()),
        StructField("pending", ArrayType(PENDING_SCHEMA, False), False),
        StructField("missing", ArrayType(GAP_SCHEMA, False), False),
        StructField("is_carried", BooleanType(), False),
    ]
)
COLUMNS_READ: Final = (
    "user_id",
    "movie_id",
    "movie_name",
    "genres",
    "rating",
    "event_type",
    "sequence",
    "event_time",
    "watched_at",
    "added_at",
    "kafka_partition",
    "kafka_offset",
)
"""What a fold reads of the lake's columns."""
_NEVER: Final = -1
_TIME: Final = pa.timestamp("us", tz="UTC")
_FOLDED: Final = to_arrow_schema(FOLDED_SCHEMA, timezone="UTC")
_KINDS: Final = pa.array([kind.value for kind in EventType])
_ENTRY: Final = _FOLDED.field("entries").type.value_type
_Numbers = NDArray[np.int64]
_Mask = NDArray[np.bool_]


def fold_group(state: pa.Table, events: pa.Table, as_of: datetime | None) -> pa.Table:
    """Fold one group of users; see `batch_layer.transform.fold`. Further columns are ignored.

    Raises ValueError for an event that is to be folded and whose type nobody knows.
    """
    users = _Users.of(state, events)
    log = _Log.of(events, users)
    is_new = log.sequence > users.boundary[log.user]
    rows = log.next_in_line(is_new & log.is_before(as_of), users.boundary)
    reached = users.boundary + np.bincount(log.user[rows], minlength=len(users.names))
    has_news = np.zeros(len(users.names), np.bool_)
    has_news[log.user[is_new]] = True
    waiting = np.flatnonzero(is_new & (log.sequence > reached[log.user]))
    first, last = _first_and_last(log.event_time[rows], log.user[rows], len(users.names))
    columns = {
        "user_id": users.names,
        "sequence": reached,
        "entries": _entries(pa.concat_tables([_held(state, users), _changes(events, log, rows)]), len(users.names)),
        "events": reached - users.boundary,
        "first_event_time": first,
        "last_event_time": last,
        **_waiting(log, waiting, reached),
        "is_carried": np.zeros(len(users.names), np.bool_),
    }
    folded = pa.table([_as(columns[field.name], field.type) for field in _FOLDED], schema=_FOLDED)
    return folded.filter(pa.array(has_news | (users.boundary != users.floor)))


@dataclass(frozen=True, slots=True)
class _Users:
    """The users of the group by name; a user's number is the place in `names`.

    listed, acting: who the rows of the state, and of the events, are of; boundary: the sequence from which on events
    count; floor: up to where the user is erased, or _NEVER.
    """

    names: pa.Array
    listed: _Numbers
    acting: _Numbers
    boundary: _Numbers
    floor: _Numbers

    @classmethod
    def of(cls, state: pa.Table, events: pa.Table) -> _Users:
        names = _sorted_names(state["user_id"], events["user_id"])
        listed, acting = _places(state["user_id"], names), _places(events["user_id"], names)
        sequence, floor = np.zeros(len(names), np.int64), np.full(len(names), _NEVER)
        sequence[listed] = _numbers(state["sequence"])
        for table, user in ((state, listed), (events, acting)):
            if "floor" in table.column_names:
                floor[user] = _numbers(table["floor"].fill_null(_NEVER))
        return cls(names, listed, acting, np.maximum(sequence, floor), floor)


@dataclass(frozen=True, slots=True)
class _Log:
    """The numbers of the events, one row each."""

    user: _Numbers
    sequence: _Numbers
    event_time: _Numbers
    partition: _Numbers
    offset: _Numbers

    @classmethod
    def of(cls, events: pa.Table, users: _Users) -> _Log:
        columns = (events[name] for name in ("sequence", "event_time", "kafka_partition", "kafka_offset"))
        return cls(users.acting, *map(_numbers, columns))

    def is_before(self, moment: datetime | None) -> _Mask:
        if moment is None:
            return np.ones(len(self.user), np.bool_)
        before: _Mask = self.event_time < _numbers(pa.array([moment], _TIME))[0]
        return before

    def next_in_line(self, chosen: _Mask, boundary: _Numbers) -> _Numbers:
        """Give the rows that go on from their users' boundaries without a gap, by user and sequence.

        Of the copies of an event it is the one that Kafka has first.
        """
        rows = np.flatnonzero(chosen)
        rows = rows[np.lexsort((self.offset[rows], self.partition[rows], self.sequence[rows], self.user[rows]))]
        once = rows[_begins(self.user[rows], self.sequence[rows])]
        is_first = _begins(self.user[once])
        rank = np.arange(len(once)) - np.flatnonzero(is_first)[np.cumsum(is_first) - 1]
        in_line: _Numbers = once[self.sequence[once] == boundary[self.user[once]] + 1 + rank]
        return in_line


def _held(state: pa.Table, users: _Users) -> pa.Table:
    """Give the entries of the lists that are not erased, one row each, as additions before the first event."""
    user = users.listed
    is_kept = _numbers(state["sequence"]) > users.floor[user]
    lists = _array(state["entries"]).filter(pa.array(is_kept))
    owner = np.repeat(user[is_kept], _numbers(pc.list_value_length(lists)))
    fields = dict(zip((field.name for field in lists.type.value_type), lists.flatten().flatten(), strict=True))
    return _lines(fields, owner, np.zeros_like(owner), np.zeros(len(owner), np.bool_), np.zeros(len(owner), np.bool_))


def _changes(events: pa.Table, log: _Log, rows: _Numbers) -> pa.Table:
    """Give these events, one row each, with the entries that they would leave."""
    chosen = events.take(pa.array(rows))
    fields = {
        "movie_id": chosen["movie_id"],
        "title": chosen["movie_name"],
        "genres": chosen["genres"],
        "rating_tenths": pc.round(pc.multiply(chosen["rating"], 10.0), round_mode="half_to_even"),
        "watched_at": pc.coalesce(chosen["watched_at"], chosen["event_time"]),
        "added_at": pc.coalesce(chosen["added_at"], chosen["event_time"]),
    }
    kind = chosen["event_type"]
    strange = pc.unique(kind.filter(pc.invert(pc.is_in(kind, value_set=_KINDS)))).to_pylist()
    if strange:
        raise ValueError(f"events of an unknown type: {', '.join(map(str, strange))}")
    updates, removes = (_mask(pc.equal(kind, it.value)) for it in (EventType.UPDATE, EventType.DELETE))
    return _lines(fields, log.user[rows], log.sequence[rows], updates, removes)


def _lines(fields: dict[str, Any], user: _Numbers, sequence: _Numbers, updates: _Mask, removes: _Mask) -> pa.Table:
    entry = {field.name: _as(fields[field.name], field.type) for field in _ENTRY}
    return pa.table({**entry, "user": user, "sequence": sequence, "updates": updates, "removes": removes})


def _entries(lines: pa.Table, users: int) -> pa.Array:
    """Give the lists that these additions and changes leave, one of each user, entries by movie_id."""
    film = _places(lines["movie_id"], _sorted_names(lines["movie_id"]))
    order = np.lexsort((_numbers(lines["sequence"]), film, _numbers(lines["user"])))
    user, film = _numbers(lines["user"])[order], film[order]
    updates, removes = _mask(lines["updates"])[order], _mask(lines["removes"])[order]
    starts = np.flatnonzero(_begins(user, film))
    ends = np.append(starts[1:], len(order))[: len(starts)] - 1
    # A film's last line that is no UPDATE, or -1. Where that is a removal, the first UPDATE behind it makes the entry.
    settled = np.maximum.reduceat(np.where(updates, -1, np.arange(len(order))), starts)
    source = np.where(settled < 0, starts, settled + removes[settled])
    stays = ~removes[ends]
    taken = lines.take(pa.array(order[source[stays]]))
    rating = lines["rating_tenths"].take(pa.array(order[ends[stays]]))
    columns = {**{field.name: taken[field.name] for field in _ENTRY}, "rating_tenths": rating}
    entries = pa.StructArray.from_arrays([_array(columns[field.name]) for field in _ENTRY], fields=list(_ENTRY))
    lengths = np.bincount(user[starts[stays]], minlength=users)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), entries, type=_FOLDED.field("entries").type)


def _waiting(log: _Log, rows: _Numbers, reached: _Numbers) -> dict[str, list[list[dict[str, int]]]]:
    """Give `pending` and `missing` of each user. There are few events that wait."""
    pending: defaultdict[int, dict[int, int]] = defaultdict(dict)
    sequences: defaultdict[int, list[int]] = defaultdict(list)
    for row in rows[np.lexsort((log.offset[rows], log.partition[rows]))].tolist():
        user = int(log.user[row])
        pending[user].setdefault(int(log.partition[row]), int(log.offset[row]))
        sequences[user].append(int(log.sequence[row]))
    places = [
        [{"kafka_partition": partition, "kafka_offset": offset} for partition, offset in pending.get(user, {}).items()]
        for user in range(len(reached))
    ]
    missing = [
        [gap._asdict() for gap in islice(gaps(sequence, sequences.get(user, ())), GAPS_OF_A_USER)]
        for user, sequence in enumerate(reached.tolist())
    ]
    return {"pending": places, "missing": missing}


def _first_and_last(times: _Numbers, user: _Numbers, users: int) -> tuple[pa.Array, pa.Array]:
    """Give each user's first and last time, null for who has none; in: rows by user."""
    starts = np.flatnonzero(_begins(user))
    has_none = np.ones(users, np.bool_)
    has_none[user[starts]] = False
    bounds = []
    for bound in (np.minimum, np.maximum):
        of_user = np.zeros(users, np.int64)
        of_user[user[starts]] = bound.reduceat(times, starts)
        bounds.append(pa.array(of_user, pa.int64(), mask=has_none).cast(_TIME))
    return bounds[0], bounds[1]


def _begins(*keys: _Numbers) -> _Mask:
    """Say which rows differ from the one before in any of the keys."""
    begins = np.ones(len(keys[0]), np.bool_)
    begins[1:] = np.logical_or.reduce([key[1:] != key[:-1] for key in keys])
    return begins


def _sorted_names(*columns: pa.ChunkedArray) -> pa.Array:
    names = pc.unique(pa.chunked_array([chunk for column in columns for chunk in column.chunks], pa.string()))
    return names.take(pc.sort_indices(names))


def _places(column: pa.ChunkedArray, names: pa.Array) -> _Numbers:
    return _numbers(pc.index_in(column, value_set=names))


def _numbers(column: pa.ChunkedArray | pa.Array) -> _Numbers:
    """Give whole numbers, and times as microseconds since the epoch."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(_TIME)
    numbers: _Numbers = column.cast(pa.int64()).to_numpy()
    return numbers


def _mask(column: pa.ChunkedArray | pa.Array) -> _Mask:
    mask: _Mask = column.to_numpy() if isinstance(column, pa.ChunkedArray) else column.to_numpy(zero_copy_only=False)
    return mask


def _array(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _as(values: Any, kind: pa.DataType) -> pa.Array:
    if isinstance(values, list | np.ndarray):
        return pa.array(values, kind)
    return _array(values).cast(kind)
