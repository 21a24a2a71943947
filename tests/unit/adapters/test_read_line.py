"""Reads wait in line and are carried out in groups; what one of them ends with is nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar

from cinematch.adapters.read_line import GROUP_KEYS, ReadLine
from cinematch.errors import StoreUnavailable

REQUEST: ContextVar[str] = ContextVar("request", default="nobody's")


class Store:
    """Reads groups: a key's number in the order of the calls; keys that begin with "bad" have an error each."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.requests: list[str] = []
        self.is_up = True
        self.held = asyncio.Event()
        self.held.set()
        self.asked = asyncio.Event()

    async def __call__(self, keys: Sequence[str]) -> dict[str, int | Exception]:
        self.groups.append(list(keys))
        self.requests.append(REQUEST.get())
        number = len(self.groups)
        self.asked.set()
        await self.held.wait()
        if not self.is_up:
            raise StoreUnavailable("the store", "it is down")
        return {key: LookupError(key) if key.startswith("bad") else number for key in keys}

    async def all_of(self, line: ReadLine[int], keys: Sequence[str]) -> list[int | BaseException]:
        return list(await asyncio.gather(*map(line, keys), return_exceptions=True))


async def test_what_comes_at_once_goes_together() -> None:
    store = Store()
    assert await store.all_of(ReadLine(store), ["a", "b", "c"]) == [1, 1, 1]
    assert store.groups == [["a", "b", "c"]]


async def test_a_lone_read_goes_at_once_and_what_comes_meanwhile_goes_together() -> None:
    store = Store()
    line = ReadLine(store)
    store.held.clear()
    lone = asyncio.ensure_future(line("a"))
    await store.asked.wait()
    others = asyncio.ensure_future(store.all_of(line, ["b", "a", "c"]))
    await asyncio.sleep(0)
    store.held.set()
    assert (await lone, await others) == (1, [2, 2, 2])
    assert store.groups == [["a"], ["b", "a", "c"]]


async def test_one_key_that_several_ask_for_is_read_once_for_all() -> None:
    store = Store()
    assert await store.all_of(ReadLine(store), ["a", "a", "b"]) == [1, 1, 1]
    assert store.groups == [["a", "b"]]


async def test_a_group_is_never_too_large() -> None:
    store = Store()
    keys = [f"k{number}" for number in range(2 * GROUP_KEYS + 1)]
    await store.all_of(ReadLine(store), keys)
    assert [key for group in store.groups for key in group] == keys
    assert [len(group) for group in store.groups] == [GROUP_KEYS, GROUP_KEYS, 1]


async def test_an_error_of_one_key_is_its_own() -> None:
    store = Store()
    good, bad = await store.all_of(ReadLine(store), ["a", "bad"])
    assert good == 1
    assert isinstance(bad, LookupError)


async def test_a_store_that_is_away_fails_its_group_and_no_later_one() -> None:
    store = Store()
    line = ReadLine(store)
    store.is_up = False
    assert [type(it) for it in await store.all_of(line, ["a", "b"])] == [StoreUnavailable, StoreUnavailable]
    store.is_up = True
    assert await store.all_of(line, ["a"]) == [2]


async def test_whoever_leaves_the_line_keeps_nobody_waiting() -> None:
    store = Store()
    line = ReadLine(store)
    leaver, other = asyncio.ensure_future(line("a")), asyncio.ensure_future(line("b"))
    await asyncio.sleep(0)
    leaver.cancel()
    assert await other == 1
    assert leaver.cancelled()


async def test_a_group_is_nobodys_request() -> None:
    store = Store()
    REQUEST.set("mine")
    await ReadLine(store)("a")
    assert store.requests == ["nobody's"]
