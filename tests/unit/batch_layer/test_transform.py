"""The laws of the batch computation: however many runs, repeats, gaps and cuts, it gives what one replay gives."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from batch_layer.state import STATE_SCHEMA, read_watchlist
from batch_layer.transform import ROWS_OF_A_GROUP, USERS_OF_A_GROUP, describe_group, fold_group, groups_for
from cinematch.adapters.mongodb_generations import decode
from cinematch.contracts.generations import CHUNK_ENTRIES
from cinematch.contracts.lake_schema import KafkaPlace, to_table
from cinematch.domain.events import Event
from cinematch.domain.watchlist import replay
from tests.batches import canonical, expected
from tests.histories import add, delete, update
from tests.strategies import EPOCH, History, catalogs, event_logs, histories
from tests.twins.memory_batch import CATALOG, STATE

USERS = ("ann", "bob", "c.$d")


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[dict[str, list[Event]], list[list[Event]]]:
    """Logs of several users, and the lake's content at each of several runs: it grows, in any order, with repeats."""
    films = draw(catalogs(12))
    logs = {user: draw(event_logs(films, user, length=15)) for user in USERS}
    everything = draw(st.permutations([event for log in logs.values() for event in log]))
    repeats = draw(st.lists(st.sampled_from(everything), max_size=5)) if everything else []
    shuffled = [*everything, *repeats]
    cuts = sorted(draw(st.lists(st.integers(0, len(shuffled)), max_size=3)))
    return logs, [*(shuffled[:cut] for cut in cuts), shuffled]


def fold(state: pa.Table, events: list[Event], as_of: Any = None) -> list[dict[str, Any]]:
    places = (KafkaPlace(0, offset, None) for offset in range(len(events)))
    rows: list[dict[str, Any]] = fold_group(state, to_table(zip(events, places, strict=True)), as_of).to_pylist()
    return rows


def as_state(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist([{name: row[name] for name in STATE_SCHEMA.names} for row in rows], schema=STATE)


class TestFold:
    @given(arrivals())
    @settings(max_examples=50)
    def test_incremental_runs_give_what_one_replay_gives(
        self, case: tuple[dict[str, list[Event]], list[list[Event]]]
    ) -> None:
        logs, lake = case
        state = STATE.empty_table()
        for content in lake:
            state = as_state(fold(state, content))
        full = as_state(fold(STATE.empty_table(), lake[-1]))
        assert state.equals(full)
        lists = {row["user_id"]: read_watchlist(row) for row in state.to_pylist()}
        assert lists == {user: replay(log) for user, log in logs.items() if log}

    @given(histories(length=30), st.floats(0, 1))
    def test_a_cut_by_time_gives_the_events_before_it(self, history: History, fraction: float) -> None:
        at = int(fraction * len(history.events))
        as_of = EPOCH + timedelta(minutes=at + 1)  # event n happens n minutes after the epoch
        rows = fold(STATE.empty_table(), history.events, as_of)
        assert [read_watchlist(row) for row in rows] == ([replay(history.events[:at])] if history.events else [])
        assert all(row["events"] == at for row in rows)

    def test_an_event_behind_a_gap_waits_and_says_where_it_is(self) -> None:
        first, second, third = add(1, "a"), add(2, "b"), add(3, "c")
        (row,) = fold(STATE.empty_table(), [first, third, third])
        assert row["sequence"] == 1
        assert row["pending"] == [{"kafka_partition": 0, "kafka_offset": 1}]
        assert row["missing"] == [{"first": 2, "last": 2}]
        (row,) = fold(as_state([row]), [third, second])
        assert (row["sequence"], row["events"], row["pending"], row["missing"]) == (3, 2, [], [])

    def test_an_event_after_the_cut_waits_although_it_happened_before(self) -> None:
        late = add(1, "a", event_time=EPOCH + timedelta(days=2))
        early = add(2, "b", event_time=EPOCH)
        (row,) = fold(STATE.empty_table(), [late, early], as_of=EPOCH + timedelta(days=1))
        assert (row["sequence"], row["pending"]) == (0, [{"kafka_partition": 0, "kafka_offset": 0}])
        assert row["missing"] == []

    def test_a_user_whose_list_is_empty_keeps_a_row(self) -> None:
        first = add(1, "a", 7)
        (row,) = fold(STATE.empty_table(), [first, delete(2, first)])
        assert (row["sequence"], row["entries"]) == (2, [])
        (row,) = fold(as_state([row]), [])
        assert (row["sequence"], row["entries"], row["events"]) == (2, [], 0)

    def test_the_times_are_those_of_the_events_folded_in(self) -> None:
        first = add(1, "a", 7)
        (row,) = fold(STATE.empty_table(), [first, update(2, first, 8), add(4, "b")])
        times = row["first_event_time"], row["last_event_time"]
        assert times == (EPOCH + timedelta(minutes=1), EPOCH + timedelta(minutes=2))


class TestDescribe:
    @given(histories(length=30))
    @settings(max_examples=30)
    def test_a_document_is_what_the_pure_functions_give(self, history: History) -> None:
        state = as_state(fold(STATE.empty_table(), history.events))
        films = pa.Table.from_pylist(
            [
                {
                    "_id": film.movie_id,
                    "title": film.title,
                    "directors": film.directors,
                    "actors": film.actors,
                    "runtime_minutes": film.runtime_minutes,
                    "poster_path": film.poster_path,
                }
                for film in history.films.values()
            ],
            schema=CATALOG,
        )
        rows = describe_group(state, films, 7, EPOCH).to_pylist()
        documents = {row["user_id"]: decode(row["document"]) for row in rows}
        assert all(document["generation"] == 7 for document in documents.values())
        logs = {"user": history.events}
        assert {user: canonical(document) for user, document in documents.items()} == expected(logs, history.films)

    def test_a_long_list_comes_in_chunks_that_join_to_the_whole(self) -> None:
        events = [add(n, f"m{n:05}") for n in range(1, 2 * CHUNK_ENTRIES + 2)]
        state = as_state(fold(STATE.empty_table(), events))
        (row,) = describe_group(state, CATALOG.empty_table(), 1, EPOCH).to_pylist()
        chunks = [decode(chunk) for chunk in row["chunks"]]
        assert [len(chunk["entries"]) for chunk in chunks] == [CHUNK_ENTRIES, CHUNK_ENTRIES, 1]
        joined = [entry["movie_id"] for chunk in chunks for entry in chunk["entries"]]
        assert joined == [event.movie_id for event in events]


def test_a_group_has_a_bounded_number_of_users_and_rows() -> None:
    users = [groups_for(users, 0) for users in (0, 1, USERS_OF_A_GROUP, USERS_OF_A_GROUP + 1)]
    rows = [groups_for(1, rows) for rows in (ROWS_OF_A_GROUP, ROWS_OF_A_GROUP + 1, 3 * ROWS_OF_A_GROUP)]
    assert (users, rows) == ([1, 1, 1, 2], [1, 2, 3])
