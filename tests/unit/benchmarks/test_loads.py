"""What the measures deliver, and the peers they compare with, are right: a wrong load would measure something else."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest

from benchmarks import duckdb_statistics, invented_lake
from benchmarks.event_log import additions, records
from benchmarks.measures.accuracy import Delivery, accuracy
from benchmarks.measures.stats_reads import check_merged
from benchmarks.population import SEED, templates
from cinematch.adapters.mongodb_generations import decode
from cinematch.contracts.batch_document import read_entry, read_summary
from cinematch.contracts.event_codec import decode as decode_event
from cinematch.contracts.lake_schema import from_table
from cinematch.domain.statistics import statistics, statistics_of
from cinematch.domain.summary import Summary, merge
from cinematch.domain.watchlist import Watchlist, replay
from ingestion.seeding.catalog import invented_catalog


def test_additions_are_valid_events_without_gaps() -> None:
    log = [decode_event(value) for _, value in records(additions(["a", "b"], 3))]
    assert [(event.user_id, event.sequence) for event in log] == [(u, s) for s in (1, 2, 3) for u in ("a", "b")]
    assert len({(event.user_id, event.movie_id) for event in log}) == 6


def test_a_template_is_the_same_user_at_two_boundaries() -> None:
    template = templates()[0]
    first, second = (decode(template.document(number, 42)) for number in (1, 2))
    assert first["_id"] == first["user_id"] == "user-0000042"
    assert second["as_of_sequence"] == first["as_of_sequence"] + 1
    films = {film.movie_id: film for film in invented_catalog(SEED)}
    merged = merge(read_summary(first), template.tail_of(42)[:1], films)
    assert isinstance(merged, Summary)
    assert statistics(merged) == statistics(read_summary(second)) == second["stats"]


def test_a_template_brings_the_whole_list_that_its_document_sums_up() -> None:
    films = {film.movie_id: film for film in invented_catalog(SEED)}
    for template in templates()[:3]:
        for number in (1, 2):
            document = decode(template.document(number, 42))
            chunks = [decode(chunk) for chunk in template.whole_list(number, 42)]
            assert {chunk["_id"]["user_id"] for chunk in chunks} == {"user-0000042"}
            entries = [read_entry(fields) for chunk in chunks for fields in chunk["entries"]]
            watchlist = Watchlist({entry.movie_id: entry for entry in entries})
            assert statistics_of(watchlist, films) == document["stats"]


@pytest.mark.parametrize(("as_of", "applied", "complete"), [(3, 3, True), (3, 4, False)])
def test_an_answer_that_is_no_complete_merge_is_not_measured(as_of: int, applied: int, complete: bool) -> None:
    check_merged({"freshness": {"as_of_sequence": 3, "applied_sequence": 6, "complete": True}})
    with pytest.raises(ValueError, match="not a merge"):
        check_merged({"freshness": {"as_of_sequence": as_of, "applied_sequence": applied, "complete": complete}})


def test_every_event_is_delivered_and_some_more_than_once() -> None:
    events = additions([str(number) for number in range(100)], 200)
    delivered = Counter((it.user_id, it.sequence) for batch in Delivery(events).batches() for it in batch)
    assert len(delivered) == len(events)
    assert max(delivered.values()) > 1
    assert 1 < delivered.total() / len(events) < 1.2


def test_accuracy_counts_users_and_films() -> None:
    found = accuracy(Counter(a=10, b=9), Counter(a=10, b=10))
    assert (found.users, found.films) == (50.0, 95.0)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rows of 8 users with 40 events each, as Parquet."""
    folder = tmp_path_factory.mktemp("lake")
    (folder / "events").mkdir()
    for partition in range(2):
        users, sequences = np.arange(partition, 8, 2), np.arange(1, 41)
        turns = np.tile(users, len(sequences)), np.repeat(sequences, len(users))
        table = invented_lake.events_table(partition, *turns, 0, datetime(2026, 1, 1, tzinfo=UTC))
        pq.write_table(table, folder / "events" / f"{partition}.parquet")
    invented_lake.write_catalog(folder / "catalog.parquet")
    return folder


def lists(lake: Path) -> dict[str, Watchlist]:
    events = sorted(from_table(pq.read_table(lake / "events")), key=lambda it: (it.user_id, it.sequence))
    return {user: replay(its) for user, its in groupby(events, lambda it: it.user_id)}


def test_the_invented_lake_replays_without_a_gap(lake: Path) -> None:
    found = lists(lake)
    assert len(found) == 8
    assert {watchlist.sequence for watchlist in found.values()} == {40}
    assert {len(watchlist.entries) for watchlist in found.values()} == {28}  # of ten events, 8 added and 1 removed


def test_duckdb_computes_the_same_statistics(lake: Path, tmp_path: Path) -> None:
    target = tmp_path / "statistics.parquet"
    _, users, _ = duckdb_statistics.cost(lake / "events", lake / "catalog.parquet", target)
    assert users == 8
    films = {film.movie_id: film for film in invented_catalog(SEED)}
    ours = {user: statistics_of(watchlist, films) for user, watchlist in lists(lake).items()}
    for row in duckdb.read_parquet(str(target)).to_arrow_table().to_pylist():
        stats = ours[row["user_id"]]
        assert row["films"] == stats["total_watched"]
        assert row["rating_tenths"] / row["rated"] / 10 == pytest.approx(stats["avg_rating"], abs=0.0051)
        assert row["genres"] == [{"genre": it["genre"], "films": it["count"]} for it in stats["genre_data"]]
        assert row["chart"] == [(it["rating"], it["count"]) for it in stats["rating_chart_data"] if it["count"]]
        assert [it["k"] / 10 for it in row["top_rated"]] == [it["rating"] for it in stats["top_rated_movies"]]
        assert {it["m"] for it in row["recent"]} == {it["movie_id"] for it in stats["recent_movies"]}
        means = [it["avg_rating"] for it in stats["best_directors"]]
        assert [it["k"] / 10 for it in row["directors"] or ()] == pytest.approx(means, abs=0.0051)
        assert [it["k"] for it in row["actors"]] == [it["count"] for it in stats["most_watched_actors"]]
