"""What operators see of the micro-batch design: how far its two streams are behind the event log."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

from fastapi import FastAPI, Request
from pydantic import Field

from cinematch.adapters.kafka_log_watch import LogWatch
from cinematch.api.access import Access, open_to
from cinematch.api.lookups import Lookup, RateMeter
from cinematch.api.operator import KEEP_SECONDS, Flow, Panel, flow, operator_router, panel, shown_live
from cinematch.api.resources import shared_resources
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

    user_stats: Flow | None = Field(description="From the event log to user_stats")
    global_trends: Flow | None = Field(description="From the event log to the global trends")


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, object]]:
    """Offer the look-ups; nothing is connected before the first."""
    settings = shared_resources(app).settings
    watch = LogWatch(settings.kafka)
    triggers = {
        USER_STATS: settings.user_stats_trigger_seconds,
        GLOBAL_TRENDS: settings.global_trends_trigger_seconds,
    }
    yield {
        "micro_batch_streams": {
            name: Lookup(partial(stream_flow, watch, settings, name, seconds, RateMeter()), KEEP_SECONDS)
            for name, seconds in triggers.items()
        }
    }
    watch.close()


router = operator_router(lifespan=lifespan)


@router.get("/micro-batch", summary="The streams of the micro-batch design")
@open_to(Access.OPERATOR)
@shown_live("micro_batch")
async def operator_micro_batch(request: Request) -> MicroBatchPanel:
    """Compare what each stream has committed with the end of the event log."""
    streams: Mapping[str, Lookup[Flow]] = request.state.micro_batch_streams
    parts = await panel({name: ("kafka", look) for name, look in streams.items()})
    return MicroBatchPanel(**parts)


def stream_flow(watch: LogWatch, settings: Settings, name: str, trigger_seconds: float, meter: RateMeter) -> Flow:
    """Look at one stream. Raises StoreUnavailable."""
    usual = max(LEAST_PATIENCE_SECONDS, PATIENCE_TRIGGERS * trigger_seconds)
    reached = committed_offsets(Path(settings.checkpoint_dir) / LAYER / name)
    if reached is None:
        watch.ends(settings.events_topic)  # whether Kafka answers is known all the same
        return flow(None, None, usual)
    return flow(watch.lag(settings.events_topic, reached), meter.per_second(sum(reached.values())), usual)
