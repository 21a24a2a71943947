"""What operators see of the lake, and of the dead letters, which they may publish again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Final

from fastapi import FastAPI, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from cinematch.adapters import s3_objects
from cinematch.adapters.kafka_log_watch import LogWatch
from cinematch.adapters.s3_lake_folder import LakeFolder
from cinematch.api.access import Access, open_to
from cinematch.api.lookups import Lookup, RateMeter
from cinematch.api.operator import (
    ACTION,
    KEEP_SECONDS,
    Flow,
    Panel,
    audited,
    flow,
    forgive,
    operator_router,
    panel,
    shown_live,
)
from cinematch.api.problems import problem_responses
from cinematch.api.resources import shared_resources
from cinematch.contracts.lake_paths import DEAD_LETTERS_FOLDER, EVENTS_FOLDER
from cinematch.contracts.layers import Layer, is_needed
from cinematch.errors import Conflict, NotFound, StoreUnavailable
from cinematch.settings import Settings
from data_lake.dead_letters import CannotRedrive, DeadLetterBox, RejectedRecord
from data_lake.letter_box import open_letter_box
from data_lake.overview import FolderOverview, FolderWatch
from data_lake.presentation import record_document

FLUSHES_BEHIND: Final = 2
"""Flushes that the lake may be behind: one that fills, one that is written."""
LETTERS_KEEP_SECONDS: Final = 5.0
"""All letters are read for a look."""
VALUE_CHARACTERS: Final = 10_000
"""Of a rejected value that a page shows."""
LETTERS_AT_ONCE: Final = 200

LetterId = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}/[0-9]{1,10}/[0-9]{1,19}$", examples=["user-movie-events/0/1200"])
]
"""Topic, partition and offset: what Kafka lets them be."""


class LakeCounts(BaseModel):
    """Sums over objects."""

    objects: int = 0
    rows: int = 0
    rejected: int = 0
    bytes: int = 0


class LakeDay(LakeCounts):
    """The objects of one day (UTC)."""

    day: str


class LakePartition(LakeCounts):
    """The objects of one partition of the topic, and the first offset that the lake does not have yet."""

    partition: int
    next_offset: int


class LakeFolderState(LakeCounts):
    """One folder; `superseded`: objects that were replaced by compaction and wait for their deletion."""

    folder: str
    manifest: int | None
    superseded: int
    days: list[LakeDay]
    partitions: list[LakePartition]


class LakePanel(Panel):
    """The lake; `stored`: from the event log into it."""

    used: bool = Field(description="False: STATS_MODE needs no lake, no sink is at work, and nothing is in it")
    stored: Flow | None
    sinks: int | None = Field(description="Processes that fill the lake")
    folders: list[LakeFolderState] | None


class Letter(BaseModel):
    """A record that is no event; bytes of it that are no text are shown as \\ufffd, and long values are cut."""

    id: str
    reason: str
    layers: list[str] = Field(description="Who rejected it")
    rejected_at: datetime
    key: str | None
    value: str | None
    cut: bool = Field(description="Whether `value` is only the beginning")
    redriven_at: datetime | None
    redriven_as: str | None


class LettersPanel(Panel):
    """The newest dead letters, without their values."""

    used: bool = Field(description="As of the lake, which keeps them")
    total: int | None
    waiting: int | None = Field(description="Letters that were not published again")
    letters: list[Letter] | None


class Redrive(BaseModel):
    """Which letters to publish again."""

    model_config = ConfigDict(strict=True, extra="forbid")

    ids: Annotated[list[LetterId], Field(min_length=1, max_length=LETTERS_AT_ONCE)]


class Redriven(BaseModel):
    """What became of one letter: where its record is now, or why it was not published again."""

    id: str
    redriven_as: str | None = None
    changed: bool = Field(description="False: it had been published again before, or cannot be")
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class _EventsLook:
    overview: FolderOverview
    stored: Flow


@dataclass(frozen=True, slots=True)
class LakeOperation:
    """The look-ups behind the panels, and the settings with which an action opens the box."""

    needed: bool
    events: Lookup[_EventsLook]
    sinks: Lookup[int]
    dead: Lookup[FolderOverview]
    letters: Lookup[list[RejectedRecord]]
    settings: Settings


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, object]]:
    """Offer the look-ups; nothing is connected before the first."""
    settings = shared_resources(app).settings
    watch, meter, objects = LogWatch(settings.kafka), RateMeter(), s3_objects.connect(settings)
    events, dead = (FolderWatch(LakeFolder(objects, name)) for name in (EVENTS_FOLDER, DEAD_LETTERS_FOLDER))

    def look() -> _EventsLook:
        overview = _look(events)
        per_second = meter.per_second(sum(overview.reached.values()))
        try:
            lag = watch.lag(settings.events_topic, overview.reached)
        except StoreUnavailable:  # the lake can be counted all the same
            lag = None
        return _EventsLook(overview, flow(lag, per_second, FLUSHES_BEHIND * settings.lake_flush_seconds))

    yield {
        "lake_operation": LakeOperation(
            needed=is_needed(Layer.DATA_LAKE, settings.stats_mode),
            events=Lookup(look, KEEP_SECONDS),
            sinks=Lookup(lambda: watch.members(settings.lake_consumer_group), KEEP_SECONDS),
            dead=Lookup(partial(_look, dead), KEEP_SECONDS),
            letters=Lookup(lambda: _letters(settings), LETTERS_KEEP_SECONDS),
            settings=settings,
        )
    }
    watch.close()


router = operator_router(lifespan=lifespan)


@router.get("/lake", summary="The lake: objects, bytes, and how far it reaches")
@open_to(Access.OPERATOR)
@shown_live("lake")
async def operator_lake(request: Request) -> LakePanel:
    """Count the lake's objects by day and partition, and compare its end with that of the event log."""
    lake: LakeOperation = request.state.lake_operation
    parts = await panel({"events": ("s3", lake.events), "dead": ("s3", lake.dead), "sinks": ("kafka", lake.sinks)})
    events: _EventsLook | None = parts.pop("events")
    dead: FolderOverview | None = parts.pop("dead")
    used = await _is_used(lake)
    if not used:
        forgive(parts, "s3")
    if events is None or dead is None:
        return LakePanel(**parts, used=used, stored=None, folders=None)
    stored = events.stored if used else None
    return LakePanel(**parts, used=used, stored=stored, folders=[_folder(events.overview), _folder(dead)])


@router.get("/dead-letters", summary="The newest dead letters")
@open_to(Access.OPERATOR)
@shown_live("letters")
async def operator_dead_letters(
    request: Request, limit: Annotated[int, Query(ge=1, le=LETTERS_AT_ONCE)] = 50
) -> LettersPanel:
    """List rejected records, newest first, without their values."""
    lake: LakeOperation = request.state.lake_operation
    parts = await panel({"letters": ("s3", lake.letters)})
    records: list[RejectedRecord] | None = parts.pop("letters")
    used = await _is_used(lake)
    if not used:
        forgive(parts, "s3")
    if records is None:
        return LettersPanel(**parts, used=used, total=None, waiting=None, letters=None)
    parts["stores"]["kafka"] = "ok"
    newest = [_letter(it).model_copy(update={"value": None, "key": None}) for it in records[: -limit - 1 : -1]]
    waiting = sum(it.redriven_at is None for it in records)
    return LettersPanel(**parts, used=used, total=len(records), waiting=waiting, letters=newest)


@router.get("/dead-letters/{letter_id:path}", summary="One dead letter", responses=problem_responses(404, 503))
@open_to(Access.OPERATOR)
async def operator_dead_letter(request: Request, letter_id: LetterId) -> Letter:
    """Give one rejected record with its value."""
    lake: LakeOperation = request.state.lake_operation
    return _letter(await run_in_threadpool(_record, lake.settings, letter_id))


@router.post(
    "/redrive",
    summary="Publish dead letters again",
    dependencies=ACTION,
    responses=problem_responses(403, 404, 415, 503),
)
@open_to(Access.OPERATOR)
async def operator_redrive(request: Request, wanted: Redrive) -> list[Redriven]:
    """Publish rejected records of the event log again, as they were, each once.

    What is still no event is rejected again, as another record. Records of other topics are left where they are.
    """
    lake: LakeOperation = request.state.lake_operation
    try:
        return await run_in_threadpool(_redrive_all, lake.settings, wanted.ids)
    finally:
        lake.letters.forget()


async def _is_used(lake: LakeOperation) -> bool:
    """Say whether this installation has a lake: STATS_MODE needs it, a sink is at work, or something is in it."""
    if lake.needed:
        return True
    parts = await panel({"events": ("s3", lake.events), "sinks": ("kafka", lake.sinks)})
    events: _EventsLook | None = parts["events"]
    return bool(parts["sinks"]) or (events is not None and bool(events.overview.reached))


def _look(folder: FolderWatch) -> FolderOverview:
    """Look at a folder; a missing bucket, or an object that compaction took away meanwhile, is as good as no answer."""
    try:
        return folder.look()
    except NotFound as error:
        raise StoreUnavailable("s3", str(error)) from error


def _redrive_all(settings: Settings, ids: list[str]) -> list[Redriven]:
    with open_letter_box(settings) as box:
        records = box.chosen(ids)
        return [_redrive(box, it) for it in records]


def _redrive(box: DeadLetterBox, record: RejectedRecord) -> Redriven:
    """Publish one record. Being asked again is no error, nor is a record that cannot be helped."""
    identity = record.letter.identity
    if record.redriven_as:
        return Redriven(id=identity, redriven_as=record.redriven_as, changed=False)
    try:
        with audited("redrive", letter=identity):
            return Redriven(id=identity, redriven_as=box.redrive(record), changed=True)
    except (CannotRedrive, Conflict) as error:
        return Redriven(id=identity, changed=False, reason=str(error))


def _letters(settings: Settings) -> list[RejectedRecord]:
    with open_letter_box(settings) as box:
        return box.records()


def _record(settings: Settings, identity: str) -> RejectedRecord:
    with open_letter_box(settings) as box:
        return box.record(identity)


def _letter(record: RejectedRecord) -> Letter:
    fields = record_document(record)
    value: str | None = fields["value"]
    cut = value is not None and len(value) > VALUE_CHARACTERS
    return Letter(**fields | {"value": value and value[:VALUE_CHARACTERS], "cut": cut})


def _folder(overview: FolderOverview) -> LakeFolderState:
    reached = {place.partition: offset for place, offset in overview.reached.items()}
    return LakeFolderState(
        **overview.total,
        folder=overview.folder,
        manifest=overview.manifest,
        superseded=overview.superseded,
        days=[LakeDay(day=day, **counts) for day, counts in sorted(overview.days.items())],
        partitions=[
            LakePartition(partition=number, next_offset=reached[number], **counts)
            for number, counts in sorted(overview.partitions.items())
        ],
    )
