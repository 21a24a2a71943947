"""Changes wait in line and are carried out in groups; nobody's change fails, or waits, for what another one does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import pytest

from cinematch.errors import Conflict, StoreUnavailable
from ingestion.change_line import GROUP_CHANGES, ChangeLine


@dataclass(frozen=True)
class Wish:
    user_id: str
    number: int = 0


class Overtaken(Conflict):
    pass


class Store:
    """Carries out groups; `before` may hold one up, or raise for the whole of it."""

    def __init__(self, before: Callable[[Sequence[Wish]], Awaitable[None]] | None = None) -> None:
        self.groups: list[list[Wish]] = []
        self._before = before

    async def __call__(self, group: Sequence[Wish]) -> list[str | Exception]:
        self.groups.append(list(group))
        await asyncio.sleep(0)
        if self._before is not None:
            await self._before(group)
        return [LookupError(wish.user_id) if wish.number < 0 else f"{wish.user_id}{wish.number}" for wish in group]


Line = ChangeLine[Wish, str]


def line(store: Store, patience_seconds: float = 5.0) -> Line:
    return ChangeLine(store, Overtaken, patience_seconds)


async def all_of(line: Line, wishes: Sequence[Wish]) -> list[str | BaseException]:
    return list(await asyncio.gather(*map(line, wishes), return_exceptions=True))


def test_a_lone_change_goes_at_once_and_what_comes_meanwhile_goes_together() -> None:
    async def scenario() -> list[int]:
        is_at_work, may_end = asyncio.Event(), asyncio.Event()

        async def before(group: Sequence[Wish]) -> None:
            is_at_work.set()
            await may_end.wait()

        store = Store(before)
        waiting = line(store)
        changes = [asyncio.ensure_future(waiting(Wish("first")))]
        await is_at_work.wait()
        changes += [asyncio.ensure_future(waiting(Wish(f"u{number}"))) for number in range(GROUP_CHANGES + 2)]
        may_end.set()  # heard of in the turn after the one in which these come
        await asyncio.gather(*changes)
        return [len(group) for group in store.groups]

    assert asyncio.run(scenario()) == [1, GROUP_CHANGES, 2]


def test_changes_that_come_at_once_go_together() -> None:
    store = Store()
    assert asyncio.run(all_of(line(store), [Wish("a"), Wish("b"), Wish("c")])) == ["a0", "b0", "c0"]
    assert [len(group) for group in store.groups] == [3]


def test_a_users_changes_happen_one_after_another_in_their_order() -> None:
    store = Store()
    wishes = [Wish("a", 1), Wish("a", 2), Wish("b", 1), Wish("a", 3), Wish("b", 2)]
    asyncio.run(all_of(line(store), wishes))
    assert all(len({wish.user_id for wish in group}) == len(group) for group in store.groups)
    for user_id in ("a", "b"):
        carried_out = [wish for group in store.groups for wish in group if wish.user_id == user_id]
        assert carried_out == [wish for wish in wishes if wish.user_id == user_id]


def test_a_refusal_is_told_to_its_own_request_only() -> None:
    told = asyncio.run(all_of(line(Store()), [Wish("a"), Wish("b", -1), Wish("c")]))
    assert isinstance(told[1], LookupError)
    assert (told[0], told[2]) == ("a0", "c0")


def test_a_group_that_fails_for_one_is_carried_out_one_by_one() -> None:
    async def before(group: Sequence[Wish]) -> None:
        if any(wish.user_id == "bad" for wish in group):
            raise ValueError("refused")

    store = Store(before)
    told = asyncio.run(all_of(line(store), [Wish("first"), Wish("a"), Wish("bad"), Wish("b")]))
    assert [told[0], told[1], told[3]] == ["first0", "a0", "b0"]
    assert isinstance(told[2], ValueError)
    assert sorted(len(group) for group in store.groups) == [1, 1, 1, 1, 4]


def test_who_is_overtaken_tries_again_and_holds_up_nobody() -> None:
    async def scenario() -> list[str]:
        locked, done = True, []

        async def before(group: Sequence[Wish]) -> None:
            if locked and any(wish.user_id == "locked" for wish in group):
                raise Overtaken("locked")

        waiting = line(Store(before))

        async def carried_out(wish: Wish) -> None:
            done.append(await waiting(wish))

        held = asyncio.create_task(carried_out(Wish("locked")))
        await asyncio.gather(*(carried_out(Wish(f"u{number}")) for number in range(5)))
        assert len(done) == 5
        locked = False
        await held
        return done

    assert asyncio.run(scenario())[-1] == "locked0"


def test_who_is_overtaken_for_too_long_is_refused() -> None:
    async def before(group: Sequence[Wish]) -> None:
        raise Overtaken("always")

    (told,) = asyncio.run(all_of(line(Store(before), patience_seconds=0.05), [Wish("a")]))
    assert isinstance(told, StoreUnavailable)


def test_a_store_that_is_away_is_asked_once_for_the_whole_group() -> None:
    async def before(group: Sequence[Wish]) -> None:
        raise StoreUnavailable("mongodb", "down")

    store = Store(before)
    told = asyncio.run(all_of(line(store), [Wish(f"u{number}") for number in range(8)]))
    assert all(isinstance(it, StoreUnavailable) for it in told)
    assert len(store.groups) == 1


def test_who_had_no_turn_in_time_is_refused() -> None:
    async def before(group: Sequence[Wish]) -> None:
        await asyncio.sleep(0.1)

    store = Store(before)
    told = asyncio.run(all_of(line(store, patience_seconds=0.05), [Wish("a"), Wish("a", 1), Wish("b")]))
    assert [told[0], told[2]] == ["a0", "b0"]
    assert isinstance(told[1], StoreUnavailable)
    assert store.groups == [[Wish("a"), Wish("b")]]


def test_who_stops_waiting_leaves_the_line() -> None:
    async def scenario() -> Store:
        store = Store()
        waiting = line(store)
        first = asyncio.create_task(waiting(Wish("a")))
        await asyncio.sleep(0)
        second = asyncio.create_task(waiting(Wish("a", 1)))
        await asyncio.sleep(0)
        second.cancel()
        assert await first == "a0"
        with pytest.raises(asyncio.CancelledError):
            await second
        assert await waiting(Wish("a", 2)) == "a2"
        return store

    assert asyncio.run(scenario()).groups == [[Wish("a")], [Wish("a", 2)]]
