"""Every answer equals a replay, on a real mongod and a real Redis, which are killed meanwhile.

The same schedules as in tests/unit/serving_layer/test_oracle.py, through the real adapters.
"""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
import structlog

from cinematch.domain.watchlist import Film
from cinematch.local_stack.mongo_server import MongoServer
from cinematch.local_stack.redis_server import RedisServer
from cinematch.settings import Settings
from tests.oracle.figures import Figures
from tests.oracle.margins import small_margins
from tests.oracle.schedule import Schedule
from tests.oracle.server_world import ServerWorld

pytestmark = pytest.mark.end_to_end
STEPS = 110
ENOUGH_SCHEDULES = 10
"""From here on every case must have been met."""


def test_every_answer_equals_a_replay_on_real_servers(
    seeds: range, figures: Figures, settings: Settings, mongo_server: MongoServer, redis_server: RedisServer
) -> None:
    tally = figures["oracle on MongoDB and Redis"] = Counter(schedules=len(seeds))

    def new_world(films: dict[str, Film]) -> ServerWorld:
        return ServerWorld(films, settings, mongo_server, redis_server)

    with small_margins(), structlog.testing.capture_logs():
        for seed in seeds:
            asyncio.run(Schedule(seed, new_world, STEPS, tally).run())
    reads = ("complete", "read.batch_stats", "read.request_repair", "read.whole_list")
    must_meet = (*reads, "batch", "compact", "rebuild", "wipe", "rewind", "plug", "mongod killed")
    if len(seeds) >= ENOUGH_SCHEDULES:
        assert {name: tally[name] for name in must_meet if not tally[name]} == {}
