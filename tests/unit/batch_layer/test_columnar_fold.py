"""The laws of the batch's fold: however many runs, repeats, gaps and cuts, it gives what the domain's replay gives."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch_layer.columnar_fold import GAPS_OF_A_USER, fold_group
from batch_layer.state import STATE_SCHEMA, read_watchlist, state_row
from cinematch.contracts.lake_schema import KafkaPlace, to_table
from cinematch.domain.events import Event, EventType
from cinematch.domain.watchlist import Watchlist, replay
from tests.histories import add, delete, update
from tests.strategies import EPOCH, History, catalogs, event_logs, histories, ratings
from tests.twins.memory_batch import STATE

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


@st.composite
def any_event(draw: st.DrawFn) -> Event:
    """An event that no ingestion of ours would write: what it does need not fit to the ones before it."""
    event = add(draw(st.integers(1, 8)), draw(st.sampled_from("ab")), draw(ratings), draw(st.sampled_from(USERS)))
    kind = draw(st.sampled_from(EventType))
    earlier = st.sampled_from([None, EPOCH, EPOCH + timedelta(milliseconds=1)])
    event = replace(event, watched_at=draw(earlier), added_at=draw(earlier))
    return replace(event, event_type=kind, rating=None if kind is EventType.DELETE else event.rating)


def of(user_id: str, events: list[Event]) -> list[Event]:
    return [event for event in events if event.user_id == user_id]


def with_floors(table: pa.Table, floors: dict[str, int]) -> pa.Table:
    return table.append_column("floor", pa.array(map(floors.get, table["user_id"].to_pylist()), pa.int64()))


def in_chunks(table: pa.Table, cuts: list[int]) -> pa.Table:
    """The same rows in chunks, as Spark hands a group's over."""
    ends = [0, *sorted(min(cut, len(table)) for cut in cuts), len(table)]
    return pa.concat_tables([table.slice(start, end - start) for start, end in pairwise(ends)])


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

    @given(
        st.lists(any_event(), max_size=30, unique_by=lambda event: (event.user_id, event.sequence)),
        st.dictionaries(st.sampled_from(USERS), st.integers(1, 8)),
        st.integers(0, 9),
        st.data(),
    )
    def test_any_events_give_what_replay_gives_of_each_user(
        self, events: list[Event], floors: dict[str, int], cut: int, data: st.DataObject
    ) -> None:
        known, as_of = data.draw(st.integers(0, len(events))), EPOCH + timedelta(minutes=cut)
        lists = {user: replay(of(user, events[:known])) for user in USERS}
        lists = {user: watchlist for user, watchlist in lists.items() if watchlist.sequence}
        copies = data.draw(st.lists(st.sampled_from(events), max_size=5)) if events else []
        state = pa.Table.from_pylist([state_row(*each) for each in lists.items()], schema=STATE)
        arrived = [*events, *copies]
        places = (KafkaPlace(0, offset, None) for offset in range(len(arrived)))
        log = to_table(zip(arrived, places, strict=True))
        cuts = st.lists(st.integers(0, 30), max_size=3)
        state, log = (in_chunks(with_floors(table, floors), data.draw(cuts)) for table in (state, log))
        rows = fold_group(state, log, as_of).to_pylist()
        for user, watchlist in lists.items():
            if watchlist.sequence <= floors.get(user, 0):
                lists[user] = Watchlist(sequence=floors[user])
        starts = {user: lists.get(user, Watchlist(sequence=floors.get(user, 0))) for user in USERS}
        expected = {
            user: replay((it for it in of(user, events) if it.event_time < as_of), start)
            for user, start in starts.items()
            if start.sequence != floors.get(user, 0) or any(it.sequence > start.sequence for it in of(user, events))
        }
        assert {row["user_id"]: read_watchlist(row) for row in rows} == expected
        assert [row["user_id"] for row in rows] == sorted(expected)
        assert all(row["events"] == row["sequence"] - starts[row["user_id"]].sequence for row in rows)
        for row in rows:
            later = [
                n for n, it in enumerate(arrived) if it.user_id == row["user_id"] and it.sequence > row["sequence"]
            ]
            assert [place["kafka_offset"] for place in row["pending"]] == later[:1]

    def test_an_event_of_an_unknown_type_ends_the_run(self) -> None:
        log = to_table([(add(1, "a"), KafkaPlace(0, 0, None))])
        rewatch = log.set_column(log.column_names.index("event_type"), "event_type", pa.array(["REWATCH"]))
        with pytest.raises(ValueError, match="unknown type: REWATCH"):
            fold_group(STATE.empty_table(), rewatch, None)

    def test_of_many_gaps_the_first_are_told(self) -> None:
        (row,) = fold(STATE.empty_table(), [add(2 * n, "a") for n in range(1, GAPS_OF_A_USER + 3)])
        assert row["missing"] == [{"first": n, "last": n} for n in range(1, 2 * GAPS_OF_A_USER, 2)]

    def test_where_each_partition_has_a_waiting_event_each_is_told(self) -> None:
        places = [KafkaPlace(1, 7, None), KafkaPlace(0, 9, None), KafkaPlace(1, 3, None)]
        log = to_table(zip([add(2, "a"), add(4, "b"), add(6, "c")], places, strict=True))
        (row,) = fold_group(STATE.empty_table(), log, None).to_pylist()
        assert [(it["kafka_partition"], it["kafka_offset"]) for it in row["pending"]] == [(0, 9), (1, 3)]
        assert [(it["first"], it["last"]) for it in row["missing"]] == [(1, 1), (3, 3), (5, 5)]

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
