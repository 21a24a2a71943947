"""How long the stores take, as this process sees it: what the drivers' hooks report to."""

from __future__ import annotations

from functools import cache
from typing import Final

from cinematch.metrics.catalogue import STORE_ERRORS, STORE_SECONDS
from cinematch.metrics.instruments import counter, histogram

MONGODB: Final = "mongodb"
REDIS: Final = "redis"
S3: Final = "s3"


class StoreOperation:
    """One operation of one store; get it by `operation`. For any thread."""

    def __init__(self, store: str, name: str) -> None:
        self._seconds = histogram(STORE_SECONDS).labels(store, name)
        self._errors = counter(STORE_ERRORS).labels(store, name)

    def done(self, seconds: float) -> None:
        """Count one that succeeded."""
        self._seconds.observe(seconds)

    def failed(self, seconds: float) -> None:
        """Count one that failed."""
        self._seconds.observe(seconds)
        self._errors.inc()


@cache
def operation(store: str, name: str) -> StoreOperation:
    """Give the figures of an operation; `name` is one of a few, never a key."""
    return StoreOperation(store, name)
