"""Builds the serving layer's objects: the one place in it that makes a client and chooses a mode."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI

from cinematch.adapters.mongodb_client import AsynchronousDatabase
from cinematch.adapters.mongodb_community import MongoCommunity
from cinematch.adapters.mongodb_current_lists import MongoCurrentLists
from cinematch.adapters.mongodb_outbox_watch import AsyncOutboxWatch
from cinematch.adapters.mongodb_stats import MongoStats
from cinematch.adapters.redis_client import AsyncRedisClient, connect_async
from cinematch.adapters.redis_speed_reader import RedisSpeedReader
from cinematch.adapters.redis_stats_cache import RedisStatsCache
from cinematch.api.resources import shared_resources
from cinematch.settings import Settings, StatsMode
from serving_layer.cache_aside_mode import CacheAsideStats
from serving_layer.dashboard.documents import LiveDocuments, Sources
from serving_layer.films import FilmCache
from serving_layer.habits import HabitsService
from serving_layer.incremental_mode import IncrementalStats
from serving_layer.lambda_mode import LambdaStats
from serving_layer.metrics import count_answer
from serving_layer.micro_batch_mode import MicroBatchStats
from serving_layer.service import StatsSource, UserStatsService
from serving_layer.stores import StatsStore


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, object]]:
    """Give the routes their service and their store; Redis is connected to only in the modes that read it."""
    resources = shared_resources(app)
    settings = resources.settings
    store = MongoStats(resources.database)
    if settings.stats_mode is StatsMode.MICRO_BATCH:
        yield _state(settings, MicroBatchStats(store), store, resources.database)
        return
    async with connect_async(settings) as redis:
        resources.health.register("redis", lambda: redis.execute_command("PING"), required=False)
        yield _state(settings, stats_source(settings, store, redis), store, resources.database)


def stats_source(settings: Settings, store: StatsStore, redis: AsyncRedisClient) -> StatsSource:
    """Give the implementation of `stats_mode`."""
    match settings.stats_mode:
        case StatsMode.MICRO_BATCH:
            return MicroBatchStats(store)
        case StatsMode.CACHE_ASIDE:
            return CacheAsideStats(store, RedisStatsCache(redis, settings.stats_cache_seconds))
        case StatsMode.INCREMENTAL:
            return IncrementalStats(store, RedisSpeedReader(redis))
        case StatsMode.LAMBDA:
            return LambdaStats(store, RedisSpeedReader(redis), FilmCache(store))


def _state(
    settings: Settings, source: StatsSource, store: StatsStore, database: AsynchronousDatabase
) -> Mapping[str, object]:
    wait_seconds = settings.min_sequence_wait_seconds
    watched = UserStatsService(source, wait_seconds)
    return {
        "habits_service": HabitsService(MongoCurrentLists(database), FilmCache(store)),
        "live_documents": LiveDocuments.of(
            Sources(watched, store, AsyncOutboxWatch(database), MongoCommunity(database))
        ),
        "user_stats_service": UserStatsService(source, wait_seconds, answered=count_answer),
        "stats_store": store,
    }
