"""What a generation stores is what the pure functions give."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given, settings

from batch_layer.description import CatalogColumns, describe
from batch_layer.state import state_row
from cinematch.adapters.mongodb_generations import decode
from cinematch.contracts.generations import CHUNK_ENTRIES
from cinematch.domain.events import Event
from cinematch.domain.watchlist import replay
from tests.batches import canonical, expected
from tests.histories import add
from tests.strategies import EPOCH, History, histories
from tests.twins.memory_batch import CATALOG, STATE, catalog_table


def state_of(log: list[Event]) -> pa.Table:
    return pa.Table.from_pylist([state_row("user", replay(log))] if log else [], schema=STATE)


@given(histories(length=30))
@settings(max_examples=30)
def test_a_document_is_what_the_pure_functions_give(history: History) -> None:
    state = state_of(history.events)
    described = describe(state, CatalogColumns(catalog_table(history.films)), 7, EPOCH)
    documents = {user.user_id: decode(user.document) for user in described}
    assert all(document["generation"] == 7 for document in documents.values())
    logs = {"user": history.events}
    assert {user: canonical(document) for user, document in documents.items()} == expected(logs, history.films)


def test_a_long_list_comes_in_chunks_that_join_to_the_whole() -> None:
    events = [add(n, f"m{n:05}") for n in range(1, 2 * CHUNK_ENTRIES + 2)]
    state = state_of(events)
    (user,) = describe(state, CatalogColumns(CATALOG.empty_table()), 1, EPOCH)
    chunks = [decode(chunk) for chunk in user.chunks]
    assert [len(chunk["entries"]) for chunk in chunks] == [CHUNK_ENTRIES, CHUNK_ENTRIES, 1]
    joined = [entry["movie_id"] for chunk in chunks for entry in chunk["entries"]]
    assert joined == [event.movie_id for event in events]
