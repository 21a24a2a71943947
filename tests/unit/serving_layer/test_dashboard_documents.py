"""The documents behind the live pages: read whole only when something may have changed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from cinematch.contracts.stored_stats import Stored
from serving_layer.dashboard.documents import CONFIRMED_SECONDS, DashboardDocuments, Sources


class World:
    """One user, a clock that tests move, and a count of whole reads."""

    def __init__(self) -> None:
        self.now = 0.0
        self.latest = 3
        self.complete = True
        self.reads = 0

    async def get_user_stats(self, user_id: str) -> dict[str, Any]:
        self.reads += 1
        freshness = {"batch_generation": None, "latest_sequence": self.latest, "complete": self.complete}
        return {"user_id": user_id, "freshness": freshness}

    async def batch_stats(self, _: str) -> Stored:
        return Stored(None, self.latest)

    async def latest_sequence(self, _: str) -> int:
        return self.latest

    def documents(self) -> DashboardDocuments:
        sources = SimpleNamespace(service=self, store=self, events=None, lists=None)
        return DashboardDocuments(cast(Sources, sources), lambda: self.now)


async def test_a_user_without_news_is_not_read_again_until_it_must_be_confirmed() -> None:
    world = World()
    documents = world.documents()
    first = await documents.user("anna")
    world.now += CONFIRMED_SECONDS - 0.1
    assert await documents.user("anna") is first
    assert world.reads == 1
    world.now += 0.2
    await documents.user("anna")
    assert world.reads == 2


async def test_a_new_event_is_read_at_once() -> None:
    world = World()
    documents = world.documents()
    await documents.user("anna")
    world.latest += 1
    assert (await documents.user("anna"))["freshness"]["latest_sequence"] == 4
    assert world.reads == 2


async def test_an_incomplete_answer_is_never_kept() -> None:
    world = World()
    world.complete = False
    documents = world.documents()
    for _ in range(3):
        await documents.user("anna")
    assert world.reads == 3


@pytest.mark.parametrize("users", [1, 50])
async def test_who_is_not_asked_for_is_forgotten(users: int) -> None:
    world = World()
    documents = world.documents()
    for number in range(users):
        await documents.user(f"user-{number}")
    world.now += CONFIRMED_SECONDS
    await documents.user("anna")
    assert list(documents._kept) == ["anna"]
