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
from redis.exceptions import (
    AuthenticationError,
    NoPermissionError,
    RedisClusterException,
    RedisError,
    ResponseError,
)
from redis.retry import Retry

from cinematch.adapters.store_access import StoreAccess, told
from cinematch.errors import StoreUnavailable
from cinematch.metrics.stores import REDIS, operation
from cinematch.settings import Settings

RETRIES: Final = 2
"""Of a connection that broke: quick ones, for what waits longer is the caller's to decide."""
_REFUSALS: Final = re.compile(
    r"\b(BUSY|CLUSTERDOWN|LOADING|MASTERDOWN|MISCONF|NOAUTH|NOPERM|NOREPLICAS|OOM|READONLY|TRYAGAIN|UNKILLABLE)\b"
)
"""Codes by which a server says that it cannot work now; inside of a script's error, too."""
_CAUSED: Final = "of pipeline caused error: "
STORE: Final = StoreAccess("redis", user="the user in REDIS_URL", ca_file="REDIS_CA_FILE")
_NO_ENTRY: Final = (AuthenticationError, NoPermissionError)
_NO_ENTRY_SIGNS: Final = ("WRONGPASS", "NOAUTH", "NOPERM", "invalid username-password pair", "Authentication required")
"""Where a cluster or a script wraps the refusal into another error."""
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
        raise unavailable(error) from error


def unavailable(error: Exception) -> StoreUnavailable:
    """Give what an error of the driver means to us."""
    if isinstance(error, _NO_ENTRY) or any(sign in str(error) for sign in _NO_ENTRY_SIGNS):
        return told(STORE, error, access_refused=True)
    return told(STORE, type(error)(f"{type(error).__name__}: {error}"), access_refused=False)


def is_damage(answer: object) -> bool:
    """Say whether an answer is the error of a command that does not fit what its keys hold."""
    text = str(answer).rpartition(_CAUSED)[2]  # before it a pipeline repeats the command, and so a user's id
    return type(answer) is ResponseError and not _REFUSALS.search(text)


def _options(settings: Settings) -> dict[str, Any]:
    timeout = settings.redis_timeout_seconds
    options: dict[str, Any] = {"socket_timeout": timeout, "socket_connect_timeout": timeout}
    if settings.redis_ca_file is not None and settings.redis_url.startswith("rediss:"):
        options["ssl_ca_certs"] = str(settings.redis_ca_file)
    return options
