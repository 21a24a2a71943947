"""The stores of a schedule on a real mongod and a real Redis, which are killed and started again as well."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

from cinematch.adapters import mongodb_client, redis_client
from cinematch.adapters.mongodb_boundaries import Boundaries
from cinematch.adapters.mongodb_generations import MongoGenerations
from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.adapters.mongodb_schema import ensure_schema
from cinematch.adapters.mongodb_stats import MongoStats
from cinematch.adapters.mongodb_user_stats import UserStats, UserStatsView
from cinematch.adapters.mongodb_watchlist_plan import outbox_documents
from cinematch.adapters.redis_heartbeat import RedisHeartbeat
from cinematch.adapters.redis_speed_reader import RedisSpeedReader
from cinematch.adapters.redis_speed_view import RedisSpeedView
from cinematch.adapters.redis_stats_cache import RedisStatsCache
from cinematch.contracts import collections
from cinematch.contracts.catalog_document import catalog_document
from cinematch.contracts.event_history import JoinedHistory
from cinematch.contracts.redis_keys import user_keys
from cinematch.domain.events import Event
from cinematch.domain.watchlist import Film
from cinematch.errors import StoreUnavailable
from cinematch.local_stack.mongo_server import MongoServer
from cinematch.local_stack.redis_server import RedisServer
from cinematch.settings import Settings
from tests.oracle.world import Document, Stores
from tests.twins.memory_batch import MemoryLake


class ServerWorld:
    """A database of its own, and a Redis that it has for itself; `close` when done.

    `faults` are actions that a schedule takes now and then: mongod killed (kill -9) and started again.
    """

    def __init__(self, films: dict[str, Film], settings: Settings, mongo: MongoServer, redis: RedisServer) -> None:
        self._settings, self._mongo, self._redis = settings, mongo, redis
        self._mongodb = mongodb_client.connect(settings)
        self._database = self._mongodb[settings.mongodb_database]
        self._async_mongodb = mongodb_client.connect_async(settings)
        self._client: Any = redis_client.connect(settings)
        self._async_client: Any = redis_client.connect_async(settings)
        self._saved: dict[bytes, bytes] = {}
        self.is_redis_up = True
        self._client.flushall()
        ensure_schema(self._database)
        self._database[collections.CATALOG].insert_many(map(catalog_document, films.values()))
        self._user_stats = UserStatsView(self._database)
        self.faults: dict[str, Callable[[], None]] = {"mongod killed": self._kill_mongod}
        self.stores = self._connected()

    def _connected(self) -> Stores:
        speed_view = RedisSpeedView(self._client, self._settings.speed_idle_expiry_seconds)
        return Stores(
            generations=MongoGenerations(self._database),
            speed_view=speed_view,
            history=JoinedHistory(Outbox(self._database), MemoryLake()),
            boundaries=Boundaries(self._database),
            heartbeat=self._first_heartbeat(),
            stats=MongoStats(self._async_mongodb[self._settings.mongodb_database]),
            speed=RedisSpeedReader(self._async_client),
            cache=RedisStatsCache(self._async_client, self._settings.stats_cache_seconds),
        )

    async def close(self) -> None:
        """Drop the database and close every connection."""
        self._mongodb.drop_database(self._database.name)
        self._mongodb.close()
        self._client.close()
        await self._async_mongodb.close()
        await self._async_client.aclose()

    def switch_redis(self, up: bool) -> None:
        if up:
            self._redis.start()
            self._redis.wait_ready()
        else:
            self._redis.kill()
        self.is_redis_up = up

    def issue(self, event: Event) -> None:
        with self._mongodb.start_session() as session:
            session.with_transaction(lambda session: self._issue(event, session))

    def _issue(self, event: Event, session: Any) -> None:
        counter, sequence = {"_id": event.user_id}, {"$set": {"sequence": event.sequence}}
        self._database[collections.USER_SEQUENCES].update_one(counter, sequence, upsert=True, session=session)
        self._database[collections.OUTBOX].insert_many(outbox_documents([event]), session=session)

    def write_user_stats(self, document: Document) -> None:
        self._user_stats.write([UserStats(**document)])

    def expire_cache(self) -> None:
        for pattern in ("stats:*", "stats-lock:*"):
            for key in list(self._client.scan_iter(pattern)):
                self._client.delete(key)

    def restart_heartbeat(self) -> None:
        self.stores.heartbeat = self._first_heartbeat()

    def save_speed_view(self) -> None:
        keys = [key for key in self._client.scan_iter() if not key.startswith(b"stats")]
        self._saved = {key: self._client.dump(key) for key in keys}

    def rewind_speed_view(self) -> None:
        self._client.flushall()
        for key, value in self._saved.items():
            self._client.restore(key, 0, value)

    def wipe_speed_view(self) -> None:
        self._client.flushall()

    def damage_speed_view(self, user_id: str, random: Random) -> None:
        self._client.delete(random.choice(user_keys(user_id)))

    def _first_heartbeat(self) -> RedisHeartbeat:
        heartbeat = RedisHeartbeat(self._client)
        with suppress(StoreUnavailable):
            heartbeat.beat()
        return heartbeat

    def _kill_mongod(self) -> None:
        self._mongo.kill()
        self._mongo.start()
        self._mongo.wait_ready()
