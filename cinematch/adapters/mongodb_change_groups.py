"""Changes of several users, carried out together: one read and one transaction, whatever their number.

The commit protocol of a group, which has at most one change of a user:

1. read, as of one moment, what a majority has: the users' last sequences, the entries and films that the changes speak
   of, and the answers that are kept under their keys;
2. decide, each request by itself: what is refused, answered before, or changes nothing takes no part in step 3;
3. in one transaction (majority, journaled), move each user's sequence on from the number that was read, and write the
   entries, the outbox documents and the answers to be kept. (Where only an answer is kept, the sequence's document is
   written to, and the number stays.)

Whoever changes a list moves its user's sequence in the same transaction, and who erases a user removes it. So where the
sequence still is what was read, the entries are, too; where it is not, the group was overtaken, and has written
nothing. Hence the changes of one user happen one after another, and the sequence has no gap. What is NOT guaranteed:
when StoreUnavailable is raised, the group may have been committed. Asking again is harmless, for what has already
happened is no effective change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Final

from pymongo import InsertOne, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import BulkWriteError
from pymongo.read_concern import ReadConcern

from cinematch.adapters.mongodb_client import AsynchronousDatabase, Document, only_duplicates, translated
from cinematch.adapters.mongodb_kept_answers import KeptAnswer, kept_document, kept_id, read_kept
from cinematch.adapters.mongodb_watchlist_plan import (
    TRANSACTION,
    Outcome,
    Write,
    first_of,
    movie_writes,
    outbox_documents,
    planned,
)
from cinematch.contracts.catalog_document import read_film
from cinematch.contracts.collections import CATALOG, ERASURES, IDEMPOTENCY_KEYS, MOVIES, OUTBOX, USER_SEQUENCES
from cinematch.contracts.erasure import user_digest
from cinematch.domain.changes import Change
from cinematch.domain.watchlist import Film
from cinematch.errors import Conflict

_SNAPSHOT: Final = ReadConcern("snapshot")

Reply = Outcome | KeptAnswer
"""What became of a request; a KeptAnswer is that of an earlier request under its key, and nothing was done."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """The key under which a request's answer is to be kept, and what makes that answer."""

    key: str
    answer: Callable[[Outcome], KeptAnswer]


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """One change that somebody waits for.

    `change` says what is wanted, given what the catalog has of the film. What it, or the answer to be kept, raises is
    the request's reply: then nothing is changed, and the key stays free. Both may be called more than once, always in
    `context`, which is that of whoever made the request.
    """

    user_id: str
    movie_id: str
    change: Callable[[Film | None], Change]
    keeping: Keeping | None = None
    context: Context = field(default_factory=copy_context)


class Overtaken(Conflict):
    """Somebody else has changed what a group had read; nothing was written, and it may be tried again."""


class ChangeGroups:
    """Carries out groups of changes in one database."""

    def __init__(self, database: AsynchronousDatabase) -> None:
        self._database = database
        self._sequences = database[USER_SEQUENCES]
        self._views = self._sequences.with_options(read_concern=_SNAPSHOT)

    async def carry_out(self, requests: Sequence[ChangeRequest]) -> list[Reply | Exception]:
        """Carry out one request of each user; give a reply to each, or what it was refused with.

        Raises StoreUnavailable, Overtaken, and the driver's WriteError or BulkWriteError where the server refuses a
        document for what it says, which is a defect of ours: then none was carried out, for all of them stand together.
        """
        with translated():
            found = await self._found(requests)
            newcomers = [it.user_id for it in requests if it.user_id not in found.issued]
            found.floors.update(await self._floors(newcomers))
            decisions = [request.context.run(_decided, request, found) for request in requests]
            effective = [decision for decision in decisions if decision.has_effect]
            if effective:
                await self._write(effective)
        return [decision.reply for decision in decisions]

    async def _found(self, requests: Sequence[ChangeRequest]) -> _Found:
        found = _Found()
        async for document in await self._views.aggregate(_reading(requests)):
            found.take(document)
        return found

    async def _floors(self, user_ids: Iterable[str], session: AsyncClientSession | None = None) -> dict[str, int]:
        """Give the floors of those who were erased; asked for users without a counter only."""
        users = {user_digest(user_id): user_id for user_id in user_ids}
        if not users:
            return {}
        found = self._database[ERASURES].find({"_id": {"$in": sorted(users)}}, {"floor": 1}, session=session)
        return {users[tombstone["_id"]]: tombstone["floor"] async for tombstone in found}

    async def _write(self, decisions: Sequence[_Decision]) -> None:
        attempted = False

        async def write(session: AsyncClientSession) -> None:
            nonlocal attempted
            if attempted:  # a conflict: whoever waits may choose what to try again, and with whom
                raise Overtaken("somebody else is changing one of the lists")
            attempted = True
            await self._write_in(session, decisions)

        async with self._database.client.start_session() as session:
            await session.with_transaction(write, **TRANSACTION)

    async def _write_in(self, session: AsyncClientSession, decisions: Sequence[_Decision]) -> None:
        newcomers = {it.user_id: it.floor for it in decisions if it.outbox and not it.issued}
        if await self._floors(newcomers, session) != {user: floor for user, floor in newcomers.items() if floor}:
            raise Overtaken("a user was erased meanwhile")
        with _first():
            moved = await self._sequences.bulk_write([decision.move() for decision in decisions], session=session)
        if moved.matched_count + moved.inserted_count != len(decisions):
            raise Overtaken("somebody else has moved a sequence, or the user was erased")
        outbox = [document for decision in decisions for document in decision.outbox]
        if outbox:
            writes = [write for decision in decisions for write in decision.movie_writes()]
            await self._database[MOVIES].bulk_write(writes, session=session)
            await self._database[OUTBOX].insert_many(outbox, session=session)
        kept = [decision.kept for decision in decisions if decision.kept is not None]
        if kept:
            with _first():
                await self._database[IDEMPOTENCY_KEYS].insert_many(kept, session=session)


@dataclass(frozen=True, slots=True)
class _Found:
    """What was read, by user and by film."""

    issued: dict[str, Document] = field(default_factory=dict)
    floors: dict[str, int] = field(default_factory=dict)
    entries: dict[str, Document] = field(default_factory=dict)
    films: dict[str, Film] = field(default_factory=dict)
    kept: dict[str, KeptAnswer] = field(default_factory=dict)

    def take(self, document: Document) -> None:
        """Take one document of `_reading`; its only field says what it is."""
        ((kind, content),) = document.items()
        match kind:
            case "issued":
                self.issued[content["_id"]] = content
            case "entry":
                self.entries[content["user_id"]] = content
            case "film":
                self.films[content["_id"]] = read_film(content)
            case "kept":
                self.kept[content["_id"]["user_id"]] = read_kept(content)


@dataclass(frozen=True, slots=True)
class _Decision:
    """What is to become of one request; `issued` is its user's last sequence as it was read, 0 without one;
    then it goes on from `floor`, 0 for whoever was never erased."""

    reply: Reply | Exception
    user_id: str = ""
    issued: int = 0
    floor: int = 0
    outbox: list[Document] = field(default_factory=list)
    kept: Document | None = None

    @property
    def has_effect(self) -> bool:
        return bool(self.outbox) or self.kept is not None

    def move(self) -> Write:
        """Give the write that moves the sequence on, and that fails when it is no longer what was read.

        For a change without an event it stays; but it is written to, since only who writes is kept from keeping an
        answer of somebody who is erased meanwhile.
        """
        as_it_was = {"_id": self.user_id, "sequence": self.issued}
        if not self.outbox:
            return UpdateOne(as_it_was, {"$inc": {"answers_kept": 1}})
        sequence = self.outbox[-1]["sequence"]
        if not self.issued:
            return InsertOne(first_of(self.user_id, self.floor) | {"sequence": sequence})
        return UpdateOne(as_it_was, {"$set": {"sequence": sequence}})

    def movie_writes(self) -> Iterable[Write]:
        return movie_writes(self.reply.events) if isinstance(self.reply, Outcome) else ()


@contextmanager
def _first() -> Iterator[None]:
    """Raise Overtaken where what is to be inserted is there already."""
    try:
        yield
    except BulkWriteError as error:
        if not only_duplicates(error):
            raise
        raise Overtaken("somebody else was first with a sequence or a key") from None


def _decided(request: ChangeRequest, found: _Found) -> _Decision:
    user_id, keeping = request.user_id, request.keeping
    if user_id in found.kept:
        return _Decision(found.kept[user_id])
    issued, floor = found.issued.get(user_id), found.floors.get(user_id, 0)
    counter = issued or first_of(user_id, floor)
    entries = [found.entries[user_id]] if user_id in found.entries else []
    try:
        outcome = planned(user_id, [request.change(found.films.get(request.movie_id))], counter, entries)
        kept = None if keeping is None else kept_document(user_id, keeping.key, keeping.answer(outcome))
    except Exception as refusal:  # noqa: BLE001 - whoever waits for this request gets it; the others go on
        return _Decision(refusal)
    sequence = issued["sequence"] if issued else 0
    return _Decision(outcome, user_id, sequence, floor, outbox_documents(outcome.events), kept)


def _reading(requests: Sequence[ChangeRequest]) -> list[Document]:
    entries = [{"user_id": request.user_id, "movie_id": request.movie_id} for request in requests]
    keys = [kept_id(request.user_id, request.keeping.key) for request in requests if request.keeping is not None]
    stages: list[Document] = [
        *_all({"_id": {"$in": [request.user_id for request in requests]}}, "issued"),
        _and_of(MOVIES, {"$or": entries}, "entry"),
        _and_of(CATALOG, {"_id": {"$in": sorted({request.movie_id for request in requests})}}, "film"),
    ]
    return [*stages, _and_of(IDEMPOTENCY_KEYS, {"_id": {"$in": keys}}, "kept")] if keys else stages


def _and_of(collection: str, condition: Document, kind: str) -> Document:
    return {"$unionWith": {"coll": collection, "pipeline": _all(condition, kind)}}


def _all(condition: Document, kind: str) -> list[Document]:
    return [{"$match": condition}, {"$project": {"_id": 0, kind: "$$ROOT"}}]
