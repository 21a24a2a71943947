"""Connections to Redis, one node or a cluster, and the translation of the driver's errors into ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from cinematch.errors import StoreUnavailable
from cinematch.settings import Settings

RETRIES: Final = 2
"""Of a connection that broke: quick ones, for what waits longer is the caller's to decide."""
_BACKOFF: Final = ExponentialBackoff(cap=0.1, base=0.01)

RedisClient = redis.Redis | redis.RedisCluster
AsyncRedisClient = redis.asyncio.Redis | redis.asyncio.RedisCluster


def connect(settings: Settings) -> RedisClient:
    """Give a client that answers bytes; with `redis_cluster` the URL names any node of it. Raises StoreUnavailable."""
    options = _options(settings) | {"retry": Retry(_BACKOFF, RETRIES)}
    with translated_errors():
        if settings.redis_cluster:
            return redis.RedisCluster.from_url(settings.redis_url, **options)
        return redis.Redis.from_url(settings.redis_url, **options)


def connect_async(settings: Settings) -> AsyncRedisClient:
    """Give an asyncio client that answers bytes; it connects when first used."""
    options = _options(settings) | {"retry": AsyncRetry(_BACKOFF, RETRIES)}
    if settings.redis_cluster:
        return redis.asyncio.RedisCluster.from_url(settings.redis_url, **options)
    return redis.asyncio.Redis.from_url(settings.redis_url, **options)


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn every error of the driver into StoreUnavailable."""
    try:
        yield
    except RedisError as error:
        raise StoreUnavailable("redis", f"{type(error).__name__}: {error}") from error


def _options(settings: Settings) -> dict[str, Any]:
    timeout = settings.redis_timeout_seconds
    return {"socket_timeout": timeout, "socket_connect_timeout": timeout}
