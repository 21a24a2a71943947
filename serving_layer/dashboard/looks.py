"""What the pages show live, looked up once for all who watch the same, and told only when it has changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from hashlib import blake2b
from time import monotonic
from typing import Any, Final

import orjson
from fastapi.sse import ServerSentEvent

from cinematch.api.seats import Seats
from cinematch.errors import CineMatchError, TooSlow

PERIOD_SECONDS: Final = 0.5
"""Between two look-ups of the same; an event is on the page within this time of its being visible in GET /stats."""
FAILURE_SECONDS: Final = 3.0
"""How long at most a failure is told to all who ask: an outage may be over long before the next look is due."""
HEARTBEAT_SECONDS: Final = 5.0
"""After this time without news the stream says that the last ones still hold; live.js expects it."""
WATCHERS_MAX: Final = 500
"""Streams at a time, of users and of the trends: each costs a connection, and each user watched two reads a second."""

AsyncCondition = Callable[[], Awaitable[bool]]


async def never() -> bool:
    """Say no: a stream that ends for no reason of its own."""
    return False


@dataclass(frozen=True, slots=True)
class Seen:
    """A document as it is sent, and a token that is another one whenever the document is."""

    encoded: str
    token: str

    @classmethod
    def of(cls, document: Any) -> Seen:
        """Encode a document of plain values and datetimes."""
        encoded = orjson.dumps(document, option=orjson.OPT_UTC_Z)
        return cls(encoded.decode(), blake2b(encoded, digest_size=8).hexdigest())


@dataclass(frozen=True, slots=True)
class _Look:
    began: float
    task: asyncio.Task[Seen]

    @property
    def is_worth_another(self) -> bool:
        """Whether it has failed of what may be over in a moment."""
        if not self.task.done():
            return False
        error = asyncio.CancelledError() if self.task.cancelled() else self.task.exception()
        return error is not None and not isinstance(error, TooSlow)


class Looks:
    """One source of documents by key, `look`, behind a memory of `period_seconds`. For one event loop.

    Failures are forgotten sooner, but for a look that took too long: it would be begun, and given up, again and again.
    """

    def __init__(
        self,
        look: Callable[[str], Awaitable[Any]],
        period_seconds: float = PERIOD_SECONDS,
        clock: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._look = look
        self._period_seconds = period_seconds
        self._clock = clock
        self._sleep = sleep
        self._latest: dict[str, _Look] = {}
        self.seats = Seats("the live stream", WATCHERS_MAX)

    async def get(self, key: str) -> Seen:
        """Give the document as it was at most `period_seconds` ago. Raises what the source raised.

        A failure is at most FAILURE_SECONDS old.
        """
        now = self._clock()
        latest = self._latest.get(key)
        if latest is None or not self._is_young(latest, now):
            self._latest = {other: look for other, look in self._latest.items() if self._is_young(look, now)}
            latest = self._latest[key] = _Look(now, asyncio.ensure_future(self._seen(key)))
        return await asyncio.shield(latest.task)  # one watcher who leaves does not end the look of the others

    async def follow(
        self, key: str, name: str, known: str | None, ending: AsyncCondition = never
    ) -> AsyncIterator[ServerSentEvent]:
        """Give each new document as an event of this name, and heartbeats, until the source fails or `ending` is true.

        `known` is the token of the document that the watcher has (Last-Event-ID): it is not sent again.
        """
        spoken = -HEARTBEAT_SECONDS
        while not await ending():
            try:
                seen = await self.get(key)
            except CineMatchError:
                return  # the watcher asks again, and gets the reason
            if seen.token != known:
                yield ServerSentEvent(event=name, id=seen.token, raw_data=seen.encoded)
                known, spoken = seen.token, self._clock()
            elif self._clock() - spoken >= HEARTBEAT_SECONDS:
                yield ServerSentEvent(event="heartbeat", raw_data="{}")
                spoken = self._clock()
            await self._sleep(self._period_seconds)

    def _is_young(self, look: _Look, now: float) -> bool:
        memory_seconds = min(self._period_seconds, FAILURE_SECONDS) if look.is_worth_another else self._period_seconds
        return now - look.began < memory_seconds

    async def _seen(self, key: str) -> Seen:
        return Seen.of(await self._look(key))
