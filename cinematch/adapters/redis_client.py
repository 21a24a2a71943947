"""Connections to Redis, one node or a cluster, and the translation of the driver's errors into ours.

Two kinds of errors are to be told apart: a server that is away or refuses (whoever asked tries again later), and a
command that does not fit what its keys hold (trying again would not help, and must not hold up other users).
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialBackoff
from redis.exceptions import RedisClusterException, RedisError, ResponseError
from redis.retry import Retry

from cinematch.errors import StoreUnavailable
from cinematch.metrics.stores import REDIS, operation
from cinematch.settings import Settings

RETRIES: Final = 2
"""Of a connection that broke: quick ones, for what waits longer is the caller's to decide."""
_REFUSALS: Final = re.compile(
    r"\b(BUSY|CLUSTERDOWN|LOADING|MASTERDOWN|MISCONF|NOAUTH|NOPERM|NOREPLICAS|OOM|READONLY|TRYAGAIN|UNKILLABLE)\b"
)
"""Codes by which a server says that it cannot work now; inside of a script's error, too."""
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
def timed(name: str) -> Iterator[None]:
    """Time one operation of ours (the driver has no hook that needs no further library), and translate its errors."""
    began = time.perf_counter()
    try:
        with translated_errors():
            yield
    except StoreUnavailable:
        operation(REDIS, name).failed(time.perf_counter() - began)
        raise
    operation(REDIS, name).done(time.perf_counter() - began)


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn every error of the driver into StoreUnavailable; those of damage are to be sorted out before."""
    try:
        yield
    except (RedisError, RedisClusterException) as error:
        raise StoreUnavailable("redis", f"{type(error).__name__}: {error}") from error


def is_damage(answer: object) -> bool:
    """Say whether an answer is the error of a command that does not fit what its keys hold."""
    return type(answer) is ResponseError and not _REFUSALS.search(str(answer))


def _options(settings: Settings) -> dict[str, Any]:
    timeout = settings.redis_timeout_seconds
    return {"socket_timeout": timeout, "socket_connect_timeout": timeout}
