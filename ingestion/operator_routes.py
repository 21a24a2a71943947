"""What operators see of ingestion: events written, events that wait for the relay, and what reaches the log."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from fastapi import FastAPI, Request
from pydantic import Field

from cinematch.adapters.kafka_log_watch import LogLag, LogWatch
from cinematch.adapters.mongodb_client import connect
from cinematch.adapters.mongodb_outbox_watch import OutboxState, OutboxWatch
from cinematch.api.access import Access, open_to
from cinematch.api.lookups import Lookup, RateMeter
from cinematch.api.operator import KEEP_SECONDS, Flow, Panel, flow, operator_router, panel, shown_live
from cinematch.api.resources import shared_resources
from ingestion.tenure import LEASE_NAME

USUAL_SECONDS: Final = 5.0
"""The relay marks a group a fraction of a second after its events; a take-over after a crash takes its lease's time."""


class IngestionPanel(Panel):
    """`outbox`: from clients into MongoDB; `relay`: from there into the event log."""

    outbox: Flow | None
    relay: Flow | None
    relay_process: str | None = Field(description="Who relays now; null: nobody, or unknown", examples=["host-4711-ab"])
    log_events: int | None = Field(description="Records that the event log has ever had")


@dataclass(frozen=True, slots=True)
class LogEnd:
    """The records that the log has had, and how fast they become more."""

    events: int
    per_second: float | None


@dataclass(frozen=True, slots=True)
class IngestionLookups:
    """The slow parts of the panel."""

    outbox: Lookup[OutboxState]
    log: Lookup[LogEnd]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, object]]:
    """Offer the look-ups; nothing is connected before the first."""
    settings = shared_resources(app).settings
    watch, meter = LogWatch(settings.kafka), RateMeter()

    def log_end() -> LogEnd:
        events = sum(watch.ends(settings.events_topic).values())
        return LogEnd(events, meter.per_second(events))

    with connect(settings) as client:
        outbox = OutboxWatch(client[settings.mongodb_database], LEASE_NAME)
        yield {"ingestion_lookups": IngestionLookups(Lookup(outbox.state, KEEP_SECONDS), Lookup(log_end, KEEP_SECONDS))}
    watch.close()


router = operator_router(lifespan=lifespan)


@router.get("/ingestion", summary="The beginning of the pipeline")
@open_to(Access.OPERATOR)
@shown_live("ingestion")
async def operator_ingestion(request: Request) -> IngestionPanel:
    """Tell what is written, what waits in the outbox, and what reaches the event log."""
    lookups: IngestionLookups = request.state.ingestion_lookups
    parts = await panel({"outbox": ("mongodb", lookups.outbox), "log": ("kafka", lookups.log)})
    outbox: OutboxState | None = parts.pop("outbox")
    log: LogEnd | None = parts.pop("log")
    return IngestionPanel(
        **parts,
        outbox=outbox and flow(LogLag(0, 0.0), outbox.per_second, USUAL_SECONDS),
        relay=_relay(outbox, log),
        relay_process=outbox and outbox.relay,
        log_events=log and log.events,
    )


def _relay(outbox: OutboxState | None, log: LogEnd | None) -> Flow | None:
    if outbox is None and log is None:
        return None
    waiting = LogLag(outbox.waiting, outbox.waited_seconds) if outbox else None
    return flow(waiting, log.per_second if log else None, USUAL_SECONDS)
