"""Groups of changes on a real MongoDB: all or nothing, and as exact as one at a time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

import pytest
from pymongo.errors import BulkWriteError

from cinematch.adapters.mongodb_change_groups import ChangeGroups, ChangeRequest, Keeping, Overtaken, Reply
from cinematch.adapters.mongodb_client import AsynchronousDatabase, SyncDatabase, connect_async
from cinematch.adapters.mongodb_erasures import Erasures
from cinematch.adapters.mongodb_kept_answers import KeptAnswer
from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.adapters.mongodb_watchlist_plan import Outcome
from cinematch.adapters.mongodb_watchlists import Watchlists
from cinematch.contracts.movie_document import read_movie
from cinematch.domain.changes import AddFilm, Change, RemoveFilm
from cinematch.domain.watchlist import Film, replay
from cinematch.errors import FilmNotFound
from cinematch.settings import Settings
from cinematch.tracing import Trace, within
from ingestion.change_line import ChangeLine

Result = TypeVar("Result")
Work = Callable[[AsynchronousDatabase], Awaitable[Result]]
PATIENCE_SECONDS = 60.0  # a loaded machine is slow, not wrong


def run(settings: Settings, work: Work[Result]) -> Result:
    async def connected() -> Result:
        async with connect_async(settings) as client:
            return await work(client[settings.mongodb_database])

    return asyncio.run(connected())


def adding(user_id: str, movie_id: str = "heat", rating: float = 7.0) -> ChangeRequest:
    def change(film: Film | None) -> Change:
        if film is None:
            raise FilmNotFound(movie_id)
        return AddFilm(film, rating)

    return ChangeRequest(user_id, movie_id, change)


def removing(user_id: str, movie_id: str = "heat") -> ChangeRequest:
    return ChangeRequest(user_id, movie_id, lambda _: RemoveFilm(movie_id))


def line(database: AsynchronousDatabase) -> ChangeLine[ChangeRequest, Reply]:
    return ChangeLine(ChangeGroups(database).carry_out, Overtaken, PATIENCE_SECONDS)


def assert_consistent(database: SyncDatabase, user_id: str) -> None:
    events = Outbox(database).events_after(user_id, 0)
    listed = {movie["movie_id"]: read_movie(movie) for movie in database["movies"].find({"user_id": user_id})}
    assert listed == replay(events).entries
    issued = database["user_sequences"].find_one({"_id": user_id})
    assert (
        (issued or {"sequence": 0})["sequence"]
        == len(events)
        == database["outbox"].count_documents({"user_id": user_id})
    )


def test_a_group_costs_one_transaction(database: SyncDatabase, settings: Settings) -> None:
    def committed() -> int:
        count: int = database.client.admin.command("serverStatus")["transactions"]["totalCommitted"]
        return count

    before = committed()
    requests = [adding(f"u{number}", f"m{number % 30:03}") for number in range(50)]
    replies = run(settings, lambda database: ChangeGroups(database).carry_out(requests))
    assert committed() == before + 1
    assert [reply.sequence for reply in replies if isinstance(reply, Outcome)] == [1] * 50
    for number in range(50):
        assert_consistent(database, f"u{number}")


def test_what_is_refused_or_changes_nothing_leaves_the_others_alone(database: SyncDatabase, settings: Settings) -> None:
    Watchlists(database).change("same", AddFilm(Film("heat", "Heat", genres=("Crime", "Drama")), 7.0))
    requests = [adding("a"), adding("same"), adding("b", "elsewhere"), removing("c"), adding("d")]
    replies = run(settings, lambda database: ChangeGroups(database).carry_out(requests))
    assert isinstance(replies[2], FilmNotFound)
    events = [reply.event for reply in replies if isinstance(reply, Outcome)]
    assert [event and event.user_id for event in events] == ["a", None, None, "d"]
    assert database["outbox"].count_documents({}) == 3


def test_a_group_that_was_overtaken_has_written_nothing(database: SyncDatabase, settings: Settings) -> None:
    """Between what a group has read and what it writes, somebody else changes one of its users."""
    Watchlists(database).change("b", AddFilm(Film("m000", "Film no. 0"), 7.0))

    def overtaking(film: Film | None) -> Change:
        Watchlists(database).change("b", AddFilm(Film("m001", "Film no. 1"), 7.0))
        return AddFilm(film or Film("heat", "Heat"), 9.0)

    requests = [adding("a"), ChangeRequest("b", "heat", overtaking)]
    with pytest.raises(Overtaken):
        run(settings, lambda database: ChangeGroups(database).carry_out(requests))
    assert database["outbox"].count_documents({"user_id": "a"}) == 0
    assert_consistent(database, "b")


def test_a_first_change_is_overtaken_by_another_first_one(database: SyncDatabase, settings: Settings) -> None:
    def overtaking(film: Film | None) -> Change:
        Watchlists(database).change("new", AddFilm(Film("m001", "Film no. 1"), 7.0))
        return AddFilm(film or Film("heat", "Heat"), 9.0)

    requests = [ChangeRequest("new", "heat", overtaking)]
    with pytest.raises(Overtaken):
        run(settings, lambda database: ChangeGroups(database).carry_out(requests))
    assert_consistent(database, "new")


def test_no_answer_of_somebody_erased_meanwhile_is_kept(database: SyncDatabase, settings: Settings) -> None:
    """Also where the change itself has no effect, so that there is nothing else to write."""
    lists, heat = Watchlists(database), Film("heat", "Heat", genres=("Crime", "Drama"))
    lists.change("gone", AddFilm(heat, 7.0))

    def erasing(film: Film | None) -> Change:
        lists.change("gone", RemoveFilm("heat"))
        assert Erasures(database).bury("gone")
        return AddFilm(film or heat, 7.0)

    keeping = Keeping("key-1", lambda _: KeptAnswer("fingerprint", {}))
    with pytest.raises(Overtaken):
        run(
            settings,
            lambda database: ChangeGroups(database).carry_out([ChangeRequest("gone", "heat", erasing, keeping)]),
        )
    assert database["idempotency_keys"].count_documents({}) == 0


def test_a_change_without_effect_keeps_its_answer_and_the_sequence(database: SyncDatabase, settings: Settings) -> None:
    Watchlists(database).change("same", AddFilm(Film("heat", "Heat", genres=("Crime", "Drama")), 7.0))
    request = replace(adding("same"), keeping=Keeping("key-1", lambda _: KeptAnswer("fingerprint", {})))
    for _ in range(2):  # the second is answered with what was kept
        run(settings, lambda database: ChangeGroups(database).carry_out([request]))
    assert database["idempotency_keys"].count_documents({}) == 1
    assert_consistent(database, "same")


def test_a_document_that_the_server_refuses_spares_the_others(database: SyncDatabase, settings: Settings) -> None:
    database.command("collMod", "outbox", validator={"user_id": {"$ne": "bad"}})

    async def work(database: AsynchronousDatabase) -> list[Reply | BaseException]:
        waiting = line(database)
        users = ("first", "a", "bad", "b")
        return list(await asyncio.gather(*(waiting(adding(user)) for user in users), return_exceptions=True))

    told = run(settings, work)
    assert isinstance(told[2], BulkWriteError)
    assert [type(it) for it in (told[0], told[1], told[3])] == [Outcome] * 3
    for user_id in ("first", "a", "bad", "b"):
        assert_consistent(database, user_id)
    assert database["movies"].count_documents({"user_id": "bad"}) == 0


@pytest.fixture
def _long_transactions(database: SyncDatabase) -> Iterator[None]:
    """Keeps mongod from ending a transaction that is left open before our own patience ends."""
    admin, limit = database.client.admin, "transactionLifetimeLimitSeconds"
    former = admin.command({"getParameter": 1, limit: 1})[limit]
    admin.command({"setParameter": 1, limit: 2 * int(PATIENCE_SECONDS)})
    yield
    admin.command({"setParameter": 1, limit: former})


@pytest.mark.usefixtures("_long_transactions")
def test_a_user_whom_another_process_holds_keeps_nobody_else_waiting(
    database: SyncDatabase, settings: Settings
) -> None:
    async def work(asynchronous: AsynchronousDatabase) -> None:
        waiting = line(asynchronous)
        with database.client.start_session() as session:
            session.start_transaction()
            database["user_sequences"].insert_one({"_id": "held", "sequence": 1}, session=session)
            held = asyncio.create_task(waiting(adding("held")))
            await asyncio.wait_for(asyncio.gather(*(waiting(adding(f"u{n}")) for n in range(5))), PATIENCE_SECONDS)
            assert not held.done()
            session.abort_transaction()
        await asyncio.wait_for(held, PATIENCE_SECONDS)

    run(settings, work)
    assert_consistent(database, "held")


def test_two_processes_and_a_bulk_leave_no_gap(database: SyncDatabase, settings: Settings) -> None:
    draw = random.Random(7)

    def requests(count: int) -> Sequence[ChangeRequest]:
        kinds = (adding, adding, removing)
        return [draw.choice(kinds)(f"u{draw.randrange(4)}", f"m{draw.randrange(6):03}") for _ in range(count)]

    async def work(asynchronous: AsynchronousDatabase) -> None:
        lines = (line(asynchronous), line(asynchronous))
        bulk = asyncio.to_thread(
            Watchlists(database).apply_many, "u0", [AddFilm(Film(f"m{n:03}", "Film"), 5.0) for n in range(30)]
        )
        await asyncio.gather(bulk, *(waiting(request) for waiting in lines for request in requests(60)))

    run(settings, work)
    for number in range(4):
        assert_consistent(database, f"u{number}")
    assert database["outbox"].count_documents({}) > 30


def test_each_event_keeps_the_trace_of_its_own_request(database: SyncDatabase, settings: Settings) -> None:
    traces = {f"u{number}": Trace.begun() for number in range(3)}
    requests = []
    for user_id, trace in traces.items():
        with within(trace):
            requests.append(adding(user_id))
    run(settings, lambda database: ChangeGroups(database).carry_out(requests))
    for document in database["outbox"].find():
        assert document["traceparent"] == str(traces[document["user_id"]])
