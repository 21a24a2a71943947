"""What operators see of the micro-batch design: its process, and how far its two streams are behind the event log."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from fastapi import FastAPI, Request
from pydantic import Field

from cinematch.adapters.kafka_log_watch import LogWatch
from cinematch.adapters.mongodb_client import connect
from cinematch.adapters.mongodb_heartbeats import last_beat
from cinematch.api.access import Access, open_to
from cinematch.api.lookups import Lookup, RateMeter
from cinematch.api.operator import KEEP_SECONDS, Flow, Panel, Process, flow, operator_router, panel, process, shown_live
from cinematch.api.resources import shared_resources
from cinematch.contracts.heartbeat import LastBeat
from cinematch.contracts.layers import Layer, is_needed
from cinematch.settings import Settings
from cinematch.spark.checkpoint import committed_offsets

LAYER: Final = "micro_batch"
USER_STATS: Final = "user_stats"
GLOBAL_TRENDS: Final = "global_trends"
"""The streams' names, which their own modules cannot give to a process without Spark; a test compares them."""
PATIENCE_TRIGGERS: Final = 3
"""Triggers that a stream may be behind: one that runs, one that waits, one for a busy machine."""
LEAST_PATIENCE_SECONDS: Final = 5.0


class MicroBatchPanel(Panel):
    """The two streams; null lags: their checkpoints are not in a folder that this process can read."""

    used: bool = Field(description="False: STATS_MODE needs no such process, and there is none; then both are null")
    process: Process | None
    user_stats: Flow | None = Field(description="From the event log to user_stats")
    global_trends: Flow | None = Field(description="From the event log to the global trends")


@dataclass(frozen=True, slots=True)
class MicroBatchLookups:
    """The slow parts of the panel."""

    needed: bool
    process: Lookup[LastBeat | None]
    streams: Mapping[str, Lookup[Flow]]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, object]]:
    """Offer the look-ups; nothing is connected before the first."""
    settings = shared_resources(app).settings
    watch = LogWatch(settings.kafka)
    triggers = {
        USER_STATS: settings.user_stats_trigger_seconds,
        GLOBAL_TRENDS: settings.global_trends_trigger_seconds,
    }
    streams = {
        name: Lookup(partial(stream_flow, watch, settings, name, seconds, RateMeter()), KEEP_SECONDS)
        for name, seconds in triggers.items()
    }
    needed = is_needed(Layer.MICRO_BATCH, settings.stats_mode)
    with connect(settings) as client:
        look = partial(last_beat, client[settings.mongodb_database], Layer.MICRO_BATCH)
        yield {"micro_batch_lookups": MicroBatchLookups(needed, Lookup(look, KEEP_SECONDS), streams)}
    watch.close()


router = operator_router(lifespan=lifespan)


@router.get("/micro-batch", summary="The streams of the micro-batch design")
@open_to(Access.OPERATOR)
@shown_live("micro_batch")
async def operator_micro_batch(request: Request) -> MicroBatchPanel:
    """Tell of the process, and compare what each stream has committed with the end of the event log."""
    lookups: MicroBatchLookups = request.state.micro_batch_lookups
    streams = {name: ("kafka", look) for name, look in lookups.streams.items()}
    parts = await panel({"process": ("mongodb", lookups.process), **streams})
    beat: LastBeat | None = parts.pop("process")
    used = lookups.needed or beat is not None or parts["stores"]["mongodb"] == "failing"
    if not used:
        parts |= dict.fromkeys(streams)
    return MicroBatchPanel(**parts, used=used, process=process(beat))


def stream_flow(watch: LogWatch, settings: Settings, name: str, trigger_seconds: float, meter: RateMeter) -> Flow:
    """Look at one stream. Raises StoreUnavailable."""
    usual = max(LEAST_PATIENCE_SECONDS, PATIENCE_TRIGGERS * trigger_seconds)
    reached = committed_offsets(Path(settings.checkpoint_dir) / LAYER / name)
    if reached is None:
        watch.ends(settings.events_topic)  # whether Kafka answers is known all the same
        return flow(None, None, usual)
    return flow(watch.lag(settings.events_topic, reached), meter.per_second(sum(reached.values())), usual)
