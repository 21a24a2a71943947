"""The rules of the generations' store: one suite for the twin in memory and a real MongoDB."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cinematch.adapters import mongodb_client
from cinematch.adapters.mongodb_generations import MongoGenerations, decode, encode
from cinematch.contracts.batch_document import batch_document
from cinematch.contracts.generations import CHUNK_ENTRIES, Generations, GenerationState, list_chunks
from cinematch.domain.summary import summarise
from cinematch.domain.watchlist import replay
from cinematch.errors import Conflict, NotFound
from cinematch.settings import Settings
from tests.histories import add
from tests.strategies import EPOCH
from tests.twins.memory_generations import MemoryGenerations

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


@pytest.fixture(params=["memory", "mongodb"])
def generations(request: pytest.FixtureRequest) -> Iterator[Generations]:
    """Every implementation, empty."""
    if request.param == "memory":
        yield MemoryGenerations()
        return
    request.getfixturevalue("mongo_server")
    settings: Settings = request.getfixturevalue("settings")
    with mongodb_client.connect(settings) as client:
        yield MongoGenerations(client[settings.mongodb_database])


def document(user_id: str, films: int, generation: int) -> dict[str, Any]:
    watchlist = replay([add(n, f"m{n}", 7) for n in range(1, films + 1)])
    return batch_document(user_id, summarise(watchlist, {}), generation, NOW)


def new(generations: Generations, *users: str, films: int = 1) -> int:
    number = generations.create("host/1/x", NOW, None, None).number
    generations.write(number, [document(user, films, number) for user in users], [])
    return number


def test_numbers_rise_and_records_say_what_is_known(generations: Generations) -> None:
    first = generations.create("host/1/x", NOW, None, None)
    second = generations.create("host/2/y", LATER, 1, EPOCH)
    assert (first.number, second.number) == (1, 2)
    assert generations.get(2) == second
    assert (second.state, second.base, second.as_of) == (GenerationState.BUILDING, 1, EPOCH)
    assert [each.number for each in generations.all()] == [2, 1]


def test_the_next_number_is_beyond_collections_without_a_record(generations: Generations) -> None:
    """As they stay when a backup is put back that does not know them."""
    generations.write(7, [document("ann", 1, 7)], [])
    assert new(generations) == 8


def test_a_record_takes_changes(generations: Generations) -> None:
    number = new(generations)
    facts = {"users": 3, "resume_offsets": {"user-movie.events/0": 7}, "last_event_time": EPOCH}
    generations.update(number, state=GenerationState.READY, **facts)
    record = generations.get(number)
    assert record.state is GenerationState.READY
    assert {name: getattr(record, name) for name in facts} == facts


def test_an_unknown_record_is_not_found(generations: Generations) -> None:
    with pytest.raises(NotFound, match="there is no generation 7"):
        generations.get(7)


def test_nothing_is_published_at_first(generations: Generations) -> None:
    new(generations, "ann")
    assert generations.published() is None
    assert generations.document("ann") is None


def test_publishing_changes_the_whole_view_in_one_step(generations: Generations) -> None:
    first, second = new(generations, "ann"), new(generations, "ann", "bob", films=2)
    generations.publish(first, NOW)
    generations.publish(second, LATER)
    assert generations.document("ann") == document("ann", 2, second)
    published = generations.published()
    assert published is not None
    assert (published.number, published.is_published, published.published_at) == (second, True, LATER)
    replaced = generations.get(first)
    assert (replaced.is_published, replaced.published_at, replaced.replaced_at) == (False, NOW, LATER)


def test_publishing_an_older_one_again_takes_later_users_away(generations: Generations) -> None:
    first, second = new(generations, "ann"), new(generations, "ann", "bob")
    generations.publish(first, NOW)
    generations.publish(second, NOW)
    generations.publish(first, LATER)
    assert generations.document("bob") is None
    assert generations.get(first).replaced_at is None
    assert generations.get(second).replaced_at == LATER


def test_writing_again_changes_nothing(generations: Generations) -> None:
    number = new(generations, "ann")
    chunks = list_chunks("ann", replay([add(1, "m1")]))
    for _ in range(2):
        generations.write(number, [document("ann", 2, number), document("bob", 1, number)], chunks)
    assert generations.counts(number) == (2, 1)
    assert generations.boundaries(number, ["ann", "bob", "nobody"]) == {"ann": 1, "bob": 1}


def test_a_generation_is_carried_over_as_the_next_one_and_the_base_stays(generations: Generations) -> None:
    base = new(generations, "ann", "bob", films=2)
    generations.write(base, [], list_chunks("ann", replay([add(1, "m1")])) + list_chunks("bob", replay([add(1, "m2")])))
    number = generations.create("host/1/x", LATER, base, None).number
    generations.carry_over(base, number, LATER)
    generations.publish(number, LATER)
    copy = generations.document("ann")
    assert copy == document("ann", 2, number) | {"updated_at": LATER}
    assert list(copy) == list(document("ann", 2, number))
    assert generations.counts(number) == generations.counts(base) == (2, 2)
    generations.publish(base, LATER)
    assert generations.document("ann") == document("ann", 2, base)


def test_what_was_carried_over_is_replaced_user_by_user(generations: Generations) -> None:
    base = new(generations, "ann", "bob", "cid")
    long = replay([add(n, f"m{n}") for n in range(1, CHUNK_ENTRIES + 2)])
    generations.write(base, [], list_chunks("ann", long) + list_chunks("bob", replay([add(1, "m2")])))
    number = generations.create("host/1/x", LATER, base, None).number
    generations.carry_over(base, number, LATER)
    for _ in range(2):  # a repeated task
        generations.remove(number, ["ann", "dan"])
        generations.write(number, [document("ann", 5, number)], list_chunks("ann", replay([add(1, "m9")])))
    assert generations.boundaries(number, ["ann", "bob", "cid"]) == {"ann": 5, "bob": 1, "cid": 1}
    assert [entry.movie_id for entry in generations.entries(number, "ann")] == ["m9"]
    assert len(generations.entries(number, "bob")) == 1
    generations.write(number, [], list_chunks("bob", replay([add(1, "m2")])))
    assert generations.counts(number) == (3, 2)


def test_boundaries_come_in_pages_by_user(generations: Generations) -> None:
    number = new(generations, *"dacb", films=3)
    assert list(generations.boundary_pages(number, 3)) == [{"a": 3, "b": 3, "c": 3}, {"d": 3}]
    assert list(generations.boundary_pages(99, 3)) == []


def test_a_whole_list_comes_back_in_order_of_adding(generations: Generations) -> None:
    number = new(generations)
    events = [add(n, f"m{n % 7}-{n}", n % 10 or None) for n in range(1, CHUNK_ENTRIES + 5)]
    generations.write(number, [], list_chunks("ann", replay(events)) + list_chunks("bob", replay(events[:2])))
    assert generations.entries(number, "ann") == list(replay(events).entries.values())
    assert len(generations.entries(number, "bob")) == 2
    assert generations.entries(number, "nobody") == []


def test_dropping_removes_documents_and_keeps_the_record(generations: Generations) -> None:
    number, other = new(generations, "ann"), new(generations, "ann")
    for _ in range(2):
        generations.drop(number)
    assert generations.stored() == {other}
    assert generations.counts(number) == (0, 0)
    assert generations.get(number).number == number


def test_the_published_one_cannot_be_dropped(generations: Generations) -> None:
    number = new(generations, "ann")
    generations.publish(number, NOW)
    with pytest.raises(Conflict, match="generation 1 is published and stays"):
        generations.drop(number)
    assert generations.document("ann") is not None


def test_a_document_comes_back_from_its_bytes() -> None:
    whole = document("ann", 3, 1)
    assert decode(encode(whole)) == whole
