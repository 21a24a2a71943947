"""The batch job without Spark and without stores: the same group functions over tables in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
from pyspark.sql.pandas.types import to_arrow_schema

from batch_layer.batch_run import Built, Plan
from batch_layer.columnar_fold import fold_group
from batch_layer.description import CATALOG_SCHEMA, CatalogColumns, describe
from batch_layer.state import STATE_SCHEMA, state_row
from cinematch.adapters.mongodb_generations import decode
from cinematch.contracts.catalog_document import catalog_document
from cinematch.contracts.generations import Generations
from cinematch.contracts.lake_schema import KafkaPlace, to_table
from cinematch.contracts.missing_events import Gap
from cinematch.domain.events import Event
from cinematch.domain.watchlist import Film, Watchlist, without_gap

STATE = to_arrow_schema(STATE_SCHEMA, timezone="UTC")
CATALOG = to_arrow_schema(CATALOG_SCHEMA, timezone="UTC")


@dataclass
class MemoryStates:
    """`BatchStates` over tables; `halves`: those whose removal was begun."""

    tables: dict[int, pa.Table] = field(default_factory=dict)
    halves: set[int] = field(default_factory=set)

    def stored(self) -> set[int]:
        return set(self.tables)

    def complete(self) -> set[int]:
        return set(self.tables) - self.halves

    def drop(self, generation: int) -> None:
        self.halves.add(generation)
        self.tables.pop(generation, None)


@dataclass
class MemoryLake:
    """An `EventHistory` over a list of events, in any order and with any repeats."""

    events: list[Event] = field(default_factory=list)

    def events_after(self, user_id: str, sequence: int) -> list[Event]:
        return without_gap(sequence, (each for each in self.events if each.user_id == user_id))


@dataclass
class MemoryOutbox(MemoryLake):
    """The same with the marks of the relay; `again`: events that wait for being published once more."""

    again: list[Event] = field(default_factory=list)

    def publish_again(self, missing: Mapping[str, Sequence[Gap]]) -> int:
        wanted = [
            event
            for event in self.events
            if any(gap.first <= event.sequence <= gap.last for gap in missing.get(event.user_id, ()))
            and event not in self.again
        ]
        self.again += wanted
        return len(wanted)


@dataclass
class MemoryBatchJob:
    """`build` of a batch run, as one group; reads all of the lake, which is as good as any window.

    Writes no state over another, as Spark does not. lists: users' lists as MongoDB has them, for a run from the lists.
    """

    generations: Generations
    states: MemoryStates
    lake: MemoryLake
    films: Mapping[str, Film]
    floors: Mapping[str, int] = field(default_factory=dict)
    lists: Mapping[str, Watchlist] = field(default_factory=dict)

    def __call__(self, plan: Plan) -> Built:
        state = self._base(plan)
        events = to_table((event, KafkaPlace(0, offset, None)) for offset, event in enumerate(self.lake.events))
        folded = fold_group(self._with_floors(state), self._with_floors(events), plan.as_of)
        if plan.number in self.states.tables:
            raise FileExistsError(f"there is a state {plan.number}")
        self.states.tables[plan.number] = folded.select(STATE_SCHEMA.names)
        described = describe(folded, CatalogColumns(catalog_table(self.films)), plan.number, plan.started_at)
        chunks = [decode(chunk) for user in described for chunk in user.chunks]
        self.generations.write(plan.number, [decode(user.document) for user in described], chunks)
        return _facts(folded, len(chunks))

    def _base(self, plan: Plan) -> pa.Table:
        if plan.from_lists:
            rows = [state_row(user_id, watchlist) for user_id, watchlist in self.lists.items()]
            return pa.Table.from_pylist(rows, schema=STATE)
        return self.states.tables[plan.base.number] if plan.base else STATE.empty_table()

    def _with_floors(self, table: pa.Table) -> pa.Table:
        floors = [self.floors.get(user_id) for user_id in table["user_id"].to_pylist()]
        return table.append_column("floor", pa.array(floors, pa.int64()))


def catalog_table(films: Mapping[str, Film]) -> pa.Table:
    """Give the films as a batch run reads them from the catalog."""
    documents = [catalog_document(film) for film in films.values()]
    return pa.Table.from_pylist(
        [{name: document[name] for name in CATALOG.names} for document in documents], schema=CATALOG
    )


def _facts(folded: pa.Table, chunks: int) -> Built:
    rows = folded.to_pylist()
    return Built(
        users=len(rows),
        films=sum(len(row["entries"]) for row in rows),
        chunks=chunks,
        events=sum(row["events"] for row in rows),
        waiting_users=sum(bool(row["pending"]) for row in rows),
        missing={row["user_id"]: [Gap(**gap) for gap in row["missing"]] for row in rows if row["missing"]},
        first_event_time=min((row["first_event_time"] for row in rows if row["first_event_time"]), default=None),
        last_event_time=max((row["last_event_time"] for row in rows if row["last_event_time"]), default=None),
        resume_offsets={},
    )
