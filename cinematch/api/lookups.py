"""Slow look-ups for pages that many people may watch: off the event loop, one at a time, kept for some seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Generic, TypeVar

from starlette.concurrency import run_in_threadpool

from cinematch.errors import CineMatchError

Answer = TypeVar("Answer")
FORGOTTEN_SECONDS: Final = 60.0
"""A rate over a longer time would say nothing about now."""


@dataclass(frozen=True, slots=True)
class Seen(Generic[Answer]):
    """What a look-up found, and when it had found it."""

    value: Answer
    at: datetime


class Lookup(Generic[Answer]):
    """One look-up, shared by all who ask. A failure is kept as long as an answer: who is away is not asked in a row."""

    def __init__(
        self, look: Callable[[], Answer], keep_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._look = look
        self._keep_seconds = keep_seconds
        self._clock = clock
        self._lock = asyncio.Lock()
        self._kept: Seen[Answer] | CineMatchError | None = None
        self._kept_until = 0.0

    async def __call__(self) -> Seen[Answer]:
        """Give the kept answer, or look. Raises what the look raised."""
        async with self._lock:
            if self._kept is None or self._clock() >= self._kept_until:
                self._kept = await run_in_threadpool(self._attempt)
                self._kept_until = self._clock() + self._keep_seconds
            kept = self._kept
        if isinstance(kept, CineMatchError):
            raise kept.with_traceback(None)
        return kept

    def forget(self) -> None:
        """Let the next one who asks look again: something was changed."""
        self._kept_until = 0.0

    def _attempt(self) -> Seen[Answer] | CineMatchError:
        try:
            return Seen(self._look(), datetime.now(UTC))
        except CineMatchError as error:
            return error


class RateMeter:
    """Turns a count that only grows into a rate, from one look to the next."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: tuple[float, int] | None = None

    def per_second(self, total: int) -> float | None:
        """Give the growth since the last call; None when that is too long ago, there was none, or it was less."""
        now, last = self._clock(), self._last
        self._last = (now, total)
        if last is None or total < last[1] or not 0 < now - last[0] <= FORGOTTEN_SECONDS:
            return None
        return (total - last[1]) / (now - last[0])
