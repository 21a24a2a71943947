"""All lists added up by MongoDB, against the same sums in Python."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from cinematch.adapters.mongodb_client import AsynchronousDatabase, connect_async
from cinematch.adapters.mongodb_community import MongoCommunity
from cinematch.domain.community import CommunityTotals
from cinematch.errors import StoreUnavailable, TooSlow
from cinematch.local_stack.mongo_server import MongoServer
from cinematch.settings import Settings

pytestmark = pytest.mark.integration

RATINGS = [None, 0.5, 0.7, 2.3, 4.1, 5.7, 7.9, 8.3, 9.9, 10.0]
"""Several are no exact binary fractions, and some times ten is just below or above the whole number."""


@pytest.fixture
async def database(mongo_server: MongoServer, settings: Settings) -> AsyncIterator[AsynchronousDatabase]:
    async with connect_async(settings) as client:
        yield client[settings.mongodb_database]


async def test_every_rating_of_every_list_is_added_up_exactly(database: AsynchronousDatabase) -> None:
    now = datetime.now(UTC)
    entries = [
        {"user_id": f"u{person}", "movie_id": f"m{place}", "rating": RATINGS[(person * place) % 10], "watched_at": now}
        for person in range(1, 30)
        for place in range(person)
    ]
    await database.movies.insert_many(entries)
    rated = [entry["rating"] for entry in entries if isinstance(entry["rating"], float)]
    expected = CommunityTotals(29, len(entries), len(rated), sum(round(rating * 10) for rating in rated))
    assert await MongoCommunity(database).totals() == expected


async def test_without_lists_there_are_no_people(database: AsynchronousDatabase) -> None:
    assert await MongoCommunity(database).totals() == CommunityTotals()


ENDLESS = {"$function": {"body": "function() { while (true) {} }", "args": [], "lang": "js"}}


async def test_a_scan_that_was_given_up_is_told_from_a_server_that_does_not_answer(
    database: AsynchronousDatabase, settings: Settings
) -> None:
    await database.seen.insert_one({})
    await database.create_collection("movies", viewOn="seen", pipeline=[{"$set": {"user_id": ENDLESS}}])
    hasty = settings.model_copy(update={"mongodb_timeout_seconds": 3.0})
    async with connect_async(hasty) as client:
        with pytest.raises(TooSlow):
            await MongoCommunity(client[settings.mongodb_database]).totals()
    nowhere = hasty.model_copy(update={"mongodb_url": "mongodb://127.0.0.1:1"})
    async with connect_async(nowhere) as client:
        with pytest.raises(StoreUnavailable) as caught:
            await MongoCommunity(client[settings.mongodb_database]).totals()
    assert not isinstance(caught.value, TooSlow)
