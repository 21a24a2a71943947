"""What operators see of the speed layer: its processes, how far Redis is behind the event log, and what it holds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from fastapi import FastAPI, Request
from pydantic import Field

from cinematch.adapters import mongodb_client, redis_client
from cinematch.adapters.kafka_log_watch import LogWatch
from cinematch.adapters.mongodb_boundaries import Boundaries
from cinematch.adapters.mongodb_heartbeats import last_beat
from cinematch.adapters.redis_memory import RedisMemory, memory
from cinematch.api.access import Access, open_to
from cinematch.api.lookups import Lookup, RateMeter
from cinematch.api.operator import (
    KEEP_SECONDS,
    Flow,
    Panel,
    Process,
    flow,
    forgive,
    operator_router,
    panel,
    process,
    shown_live,
)
from cinematch.api.resources import shared_resources
from cinematch.contracts.heartbeat import LastBeat
from cinematch.contracts.layers import Layer, is_needed
from cinematch.contracts.log_record import LogPartition
from cinematch.contracts.speed_delta import origin_of
from cinematch.settings import Settings, SpeedTrigger
from cinematch.spark.checkpoint import committed_offsets

USUAL_SECONDS: Final = 5.0
"""Events take milliseconds; a restart of the layer, or one of its garbage collections, takes a little more."""


class SpeedPanel(Panel):
    """`applied`: from the event log into Redis."""

    used: bool = Field(description="False: STATS_MODE needs none, and none is at work; then `applied` is null")
    trigger: SpeedTrigger
    process: Process | None
    applied: Flow | None
    consumers: int | None = Field(description="Processes that apply deltas; null also with the trigger micro_batch")
    repairs: int | None = Field(description="Users whose speed view waits for its repair, up to 1000")
    redis_keys: int | None
    redis_bytes: int | None = Field(description="Memory that Redis uses, of all primaries")


@dataclass(frozen=True, slots=True)
class SpeedLookups:
    """The slow parts of the panel."""

    needed: bool
    trigger: SpeedTrigger
    process: Lookup[LastBeat | None]
    applied: Lookup[Flow]
    consumers: Lookup[int | None]
    repairs: Lookup[int]
    memory: Lookup[RedisMemory]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, object]]:
    """Offer the look-ups; nothing is connected before the first."""
    settings = shared_resources(app).settings
    progress = Progress(LogWatch(settings.kafka), settings)
    with mongodb_client.connect(settings) as mongodb:
        database = mongodb[settings.mongodb_database]
        boundaries = Boundaries(database)
        lookups = SpeedLookups(
            needed=is_needed(Layer.SPEED_LAYER, settings.stats_mode),
            trigger=settings.speed_trigger,
            process=Lookup(partial(last_beat, database, Layer.SPEED_LAYER), KEEP_SECONDS),
            applied=Lookup(progress.flow, KEEP_SECONDS),
            consumers=Lookup(progress.consumers, KEEP_SECONDS),
            repairs=Lookup(lambda: len(boundaries.repair_requests()), KEEP_SECONDS),
            memory=Lookup(lambda: _memory(settings), KEEP_SECONDS),
        )
        yield {"speed_lookups": lookups}
    progress.watch.close()


router = operator_router(lifespan=lifespan)


@router.get("/speed", summary="The speed layer and Redis")
@open_to(Access.OPERATOR)
@shown_live("speed")
async def operator_speed(request: Request) -> SpeedPanel:
    """Tell of the processes, and compare what was applied to Redis with the end of the event log."""
    lookups: SpeedLookups = request.state.speed_lookups
    parts = await panel(
        {
            "process": ("mongodb", lookups.process),
            "applied": ("kafka", lookups.applied),
            "consumers": ("kafka", lookups.consumers),
            "repairs": ("mongodb", lookups.repairs),
            "memory": ("redis", lookups.memory),
        }
    )
    found: RedisMemory | None = parts.pop("memory")
    beat: LastBeat | None = parts.pop("process")
    is_unknown = parts["stores"]["mongodb"] == "failing"
    used = lookups.needed or beat is not None or bool(parts["consumers"]) or is_unknown
    if not used:
        parts["applied"] = None
        forgive(parts, "redis")
    return SpeedPanel(
        **parts,
        used=used,
        trigger=lookups.trigger,
        process=process(beat),
        redis_keys=found and found.keys,
        redis_bytes=found and found.used_bytes,
    )


class Progress:
    """How far the layer is, by what it has committed: offsets to its group, or batches to its checkpoint."""

    def __init__(self, watch: LogWatch, settings: Settings) -> None:
        self.watch = watch
        self._settings = settings
        self._meter = RateMeter()

    def flow(self) -> Flow:
        """Look at the edge into Redis. Raises StoreUnavailable."""
        reached = self.reached()
        if reached is None:
            self.watch.ends(self._settings.events_topic)  # whether Kafka answers is known all the same
            return flow(None, None, USUAL_SECONDS)
        lag = self.watch.lag(self._settings.events_topic, reached)
        return flow(lag, self._meter.per_second(sum(reached.values())), USUAL_SECONDS)

    def consumers(self) -> int | None:
        """Count the processes that apply deltas; None where the stream does so itself. Raises StoreUnavailable."""
        if self._settings.speed_trigger is SpeedTrigger.MICRO_BATCH:
            return None
        return self.watch.members(self._settings.speed_consumer_group)

    def reached(self) -> Mapping[LogPartition, int] | None:
        """Give the offset of the event log behind what is in Redis; None when this process cannot know."""
        if self._settings.speed_trigger is SpeedTrigger.MICRO_BATCH:
            return committed_offsets(self._settings.checkpoint_dir / "speed_layer" / "micro_batch")
        committed = self.watch.committed(self._settings.speed_consumer_group, self._settings.speed_deltas_topic)
        last = self.watch.records({place: offset - 1 for place, offset in committed.items() if offset > 0})
        reached: dict[LogPartition, int] = {}
        for delta in last.values():
            if origin := origin_of(delta):
                place, offset = origin
                reached[place] = max(offset + 1, reached.get(place, 0))
        return reached


def _memory(settings: Settings) -> RedisMemory:
    client = redis_client.connect(settings)
    try:
        return memory(client)
    finally:
        client.close()
