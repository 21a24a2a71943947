"""Live documents: one look-up for all who watch, news only when there is any, heartbeats otherwise."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cinematch.errors import StoreUnavailable, TooSlow
from serving_layer.dashboard.documents import COMMUNITY_SECONDS
from serving_layer.dashboard.looks import FAILURE_SECONDS, HEARTBEAT_SECONDS, PERIOD_SECONDS, Looks


class Source:
    """A document that tests change, at a time that tests move."""

    def __init__(self) -> None:
        self.now = 0.0
        self.document: Any = {"films": 1}
        self.asked = 0
        self.error: StoreUnavailable | None = None

    async def look(self, key: str) -> Any:
        self.asked += 1
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        return {"key": key, **self.document}

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    def looks(self, period_seconds: float = PERIOD_SECONDS) -> Looks:
        return Looks(self.look, period_seconds, lambda: self.now, self.sleep)


async def test_who_watches_the_same_shares_one_look() -> None:
    source = Source()
    shared = source.looks()
    seen = await asyncio.gather(*(shared.get("anna") for _ in range(50)))
    assert (source.asked, len(set(seen))) == (1, 1)
    source.now += PERIOD_SECONDS
    await shared.get("anna")
    await shared.get("bob")
    assert source.asked == 3


async def test_one_who_leaves_does_not_end_the_look_of_the_others() -> None:
    shared = Source().looks()
    leaving, staying = asyncio.ensure_future(shared.get("anna")), asyncio.ensure_future(shared.get("anna"))
    await asyncio.sleep(0)
    leaving.cancel()
    assert (await staying).encoded == '{"key":"anna","films":1}'


async def test_a_document_is_told_when_it_changes_and_confirmed_when_it_does_not() -> None:
    source = Source()
    told = source.looks().follow("anna", "stats", None)
    first = await anext(told)
    silence = await anext(told)
    assert (first.event, silence.event) == ("stats", "heartbeat")
    assert source.now == pytest.approx(HEARTBEAT_SECONDS)
    source.document = {"films": 2}
    second = await anext(told)
    assert (second.event, second.raw_data) == ("stats", '{"key":"anna","films":2}')
    assert first.id != second.id


async def test_who_comes_back_with_the_latest_document_is_not_told_it_again() -> None:
    source = Source()
    first = await anext(source.looks().follow("anna", "stats", None))
    resumed = await anext(source.looks().follow("anna", "stats", first.id))
    assert resumed.event == "heartbeat"


async def test_the_stream_ends_when_the_source_fails_and_a_poll_learns_why() -> None:
    source = Source()
    shared = source.looks()
    told = shared.follow("anna", "stats", None)
    await anext(told)
    source.error = StoreUnavailable("mongodb", "away")
    with pytest.raises(StopAsyncIteration):
        await anext(told)
    with pytest.raises(StoreUnavailable):
        await shared.get("anna")


@pytest.mark.parametrize(
    ("error", "forgotten_after_seconds"),
    [(StoreUnavailable("mongodb", "away"), FAILURE_SECONDS), (TooSlow("mongodb", "a scan"), COMMUNITY_SECONDS)],
)
async def test_an_outage_is_forgotten_soon_and_a_look_that_took_too_long_is_not_repeated_soon(
    error: StoreUnavailable, forgotten_after_seconds: float
) -> None:
    source = Source()
    shared = source.looks(COMMUNITY_SECONDS)
    source.error = error
    for _ in range(2):
        with pytest.raises(type(error)):
            await shared.get("")
    source.error = None
    source.now = forgotten_after_seconds - 0.1
    with pytest.raises(type(error)):
        await shared.get("")
    assert source.asked == 1
    source.now = forgotten_after_seconds
    assert (await shared.get("")).encoded == '{"key":"","films":1}'
    source.now += COMMUNITY_SECONDS - 0.1
    await shared.get("")
    assert source.asked == 2


async def test_nothing_is_kept_of_what_nobody_asks_for_any_more() -> None:
    source = Source()
    shared = source.looks()
    for number in range(100):
        await shared.get(str(number))
    source.now += PERIOD_SECONDS
    await shared.get("anna")
    assert list(shared._latest) == ["anna"]
