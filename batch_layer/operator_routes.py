"""What operators see and do in the batch layer: generations, the run under way, and which generation is published."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Final, Literal

from fastapi import FastAPI, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from batch_layer.exclusion import LEASE_NAME
from batch_layer.publication import Stores, publish, rollback_target
from batch_layer.store_connections import connected_stores
from cinematch.adapters import mongodb_client
from cinematch.adapters.mongodb_generations import MongoGenerations
from cinematch.adapters.mongodb_heartbeats import last_beat
from cinematch.adapters.mongodb_lease import MongoLease
from cinematch.api.access import Access, open_to
from cinematch.api.lookups import Lookup
from cinematch.api.operator import (
    ACTION,
    KEEP_SECONDS,
    Panel,
    Process,
    audited,
    operator_router,
    panel,
    process,
    shown_live,
)
from cinematch.api.problems import problem_responses
from cinematch.api.resources import shared_resources
from cinematch.contracts.exclusion import Exclusion, Lease
from cinematch.contracts.generations import Generation, Generations, GenerationState
from cinematch.contracts.heartbeat import LastBeat
from cinematch.contracts.layers import Layer, is_needed
from cinematch.errors import Conflict
from cinematch.settings import Settings

SHOWN: Final = 30
RowState = Literal["building", "abandoned", "ready", "published", "failed", "dropped"]
GenerationNumber = Annotated[int, Field(ge=1, lt=2**31)]


class GenerationRow(BaseModel):
    """One generation; see the contract `Generation` for the fields."""

    number: int
    state: RowState = Field(
        description="abandoned: whoever was building it does so no more, and the next run sweeps it up"
    )
    base: int | None
    from_lists: bool
    started_at: datetime
    finished_at: datetime | None
    published_at: datetime | None
    seconds: float | None = Field(description="What the computation took; null while it runs")
    users: int
    films: int
    events: int = Field(description="Events that this run folded in")
    waiting_users: int
    last_event_time: datetime | None
    reason: str | None = Field(description="Why it failed")


class GenerationsPanel(Panel):
    """The latest generations, newest first; `runner`: who computes or publishes now (null: nobody, or unknown)."""

    used: bool = Field(description="False: STATS_MODE needs no batch, and there was none")
    generations: list[GenerationRow] | None
    published: int | None
    runner: str | None


class SchedulerPanel(Panel):
    """The process that runs batch, compaction and audit at their times; null: none, or something else calls them."""

    process: Process | None


class Publication(BaseModel):
    """Which generation readers shall see; `replaces`: the published one as the operator saw it (null: none)."""

    model_config = ConfigDict(strict=True, extra="forbid")

    generation: GenerationNumber
    replaces: GenerationNumber | None = None


class Published(BaseModel):
    """What is published now; `changed` is false when it was before."""

    generation: int
    changed: bool


@dataclass(frozen=True, slots=True)
class _Look:
    """The latest records, the published number, and who held the lease around that moment (None: nobody)."""

    generations: list[Generation]
    published: int | None
    holders: tuple[str | None, str | None]

    @property
    def runner(self) -> str | None:
        return self.holders[1]


@dataclass(frozen=True, slots=True)
class BatchOperation:
    """The look-ups behind the panels, and the settings with which an action connects to all stores."""

    look: Lookup[_Look]
    scheduler: Lookup[LastBeat | None]
    settings: Settings


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, object]]:
    """Offer the look-ups; nothing is connected before the first."""
    settings = shared_resources(app).settings
    with mongodb_client.connect(settings) as client:
        database = client[settings.mongodb_database]
        generations, lease = MongoGenerations(database), MongoLease(database, LEASE_NAME, "a page", 1.0)
        look = Lookup(lambda: _look(generations, lease), KEEP_SECONDS)
        scheduler = Lookup(partial(last_beat, database, Layer.BATCH_LAYER), KEEP_SECONDS)
        yield {"batch_operation": BatchOperation(look, scheduler, settings)}


router = operator_router(lifespan=lifespan)


@router.get("/generations", summary="Generations of the batch view")
@open_to(Access.OPERATOR)
@shown_live("generations")
async def operator_generations(request: Request) -> GenerationsPanel:
    """Tell of the latest generations and of the run under way."""
    operation: BatchOperation = request.state.batch_operation
    parts = await panel({"look": ("mongodb", operation.look)})
    look: _Look | None = parts.pop("look")
    if look is None:
        return GenerationsPanel(**parts, used=True, generations=None, published=None, runner=None)
    used = bool(look.generations) or is_needed(Layer.BATCH_LAYER, operation.settings.stats_mode)
    rows = [_row(each, _state(each, look)) for each in look.generations]
    return GenerationsPanel(**parts, used=used, generations=rows, published=look.published, runner=look.runner)


@router.get("/scheduler", summary="Who runs the batch at its time")
@open_to(Access.OPERATOR)
@shown_live("scheduler")
async def operator_scheduler(request: Request) -> SchedulerPanel:
    """Tell of the scheduler's process."""
    operation: BatchOperation = request.state.batch_operation
    parts = await panel({"process": ("mongodb", operation.scheduler)})
    return SchedulerPanel(**parts | {"process": process(parts["process"])})


@router.post(
    "/published-generation",
    summary="Publish a generation, or go back to one",
    dependencies=ACTION,
    responses=problem_responses(403, 404, 409, 415, 503),
)
@open_to(Access.OPERATOR)
async def operator_publish(request: Request, wanted: Publication) -> Published:
    """Let readers see a complete generation; answers stay exact, for the speed view gets the difference first.

    Publishing what is published changes nothing. 409: a batch run is at work, the generation is not complete, an event
    between the two is stored nowhere any more, or another one than `replaces` has been published meanwhile.
    """
    operation: BatchOperation = request.state.batch_operation
    try:
        return await run_in_threadpool(_publish, operation.settings, wanted)
    finally:
        operation.look.forget()


def _look(generations: Generations, lease: Lease) -> _Look:
    """Look at the lease before and after the records, so that a run that begins or ends meanwhile is at work."""
    before = lease.holder()
    records = generations.all()
    published = next((each.number for each in records if each.is_published), None)
    return _Look(records[:SHOWN], published, (before, lease.holder()))


def _publish(settings: Settings, wanted: Publication) -> Published:
    subject = {"generation": wanted.generation, "replaces": wanted.replaces}
    with audited("publish generation", **subject), connected_stores(settings) as (stores, lease):
        if _is_published(stores.generations, wanted.generation):
            return Published(generation=wanted.generation, changed=False)
        with _held(stores, lease, wanted) as exclusion:
            publish(stores, wanted.generation, exclusion.confirm)
        return Published(generation=wanted.generation, changed=True)


@contextmanager
def _held(stores: Stores, lease: Lease, wanted: Publication) -> Iterator[Exclusion]:
    """Hold the batch layer's lease while the operator's picture is true. Raises Conflict, NotFound."""
    with Exclusion(lease) as exclusion:
        published = stores.generations.published()
        if (published and published.number) != wanted.replaces:
            now = f"generation {published.number}" if published else "no generation"
            raise Conflict(f"{now} is published by now: look again before you decide")
        rollback_target(stores.generations, wanted.generation)
        yield exclusion


def _is_published(generations: Generations, number: int) -> bool:
    published = generations.published()
    return published is not None and published.number == number


def _state(generation: Generation, look: _Look) -> RowState:
    if generation.is_published:
        return "published"
    if generation.state is GenerationState.BUILDING and generation.owner not in look.holders:
        return "abandoned"
    return generation.state.value


def _row(generation: Generation, state: RowState) -> GenerationRow:
    return GenerationRow(
        number=generation.number,
        state=state,
        base=generation.base,
        from_lists=generation.from_lists,
        started_at=generation.started_at,
        finished_at=generation.finished_at,
        published_at=generation.published_at,
        seconds=generation.seconds,
        users=generation.users,
        films=generation.films,
        events=generation.events,
        waiting_users=generation.waiting_users,
        last_event_time=generation.last_event_time,
        reason=generation.reason,
    )
