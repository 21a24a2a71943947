"""Who is asked for the answers that are audited: this installation's serving code, or a running API.

Both give the same document, by the models of the typed client; None: the user is said to have no event.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol

from cinematch.adapters import mongodb_client, redis_client
from cinematch.adapters.mongodb_stats import MongoStats
from cinematch.client import http_client
from cinematch.client.errors import NotThere, ProblemAnswered
from cinematch.client.exchange import Patience
from cinematch.client.http_client import Client
from cinematch.client.models import UserStats
from cinematch.errors import CineMatchError, UserNotFound
from cinematch.settings import Settings, StatsMode
from serving_layer.dependencies import stats_source
from serving_layer.micro_batch_mode import MicroBatchStats
from serving_layer.service import UserStatsService

PATIENCE: Final = Patience(attempts=3, seconds=5.0)
Answer = dict[str, Any]
Answers = dict[str, Answer | CineMatchError | None]


class Answering(Protocol):
    """Who answers."""

    def ask(self, user_ids: Sequence[str]) -> Answers:
        """Give each user's answer: None for one who never had an event, the error where there was none."""


class RunningApi:
    """The API at an address, asked over HTTP as any client asks."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def ask(self, user_ids: Sequence[str]) -> Answers:
        """See `Answering`. Raises NoAnswer when nobody is there."""
        return {user_id: self._ask(user_id) for user_id in user_ids}

    def _ask(self, user_id: str) -> Answer | CineMatchError | None:
        try:
            return self._client.stats(user_id).model_dump()
        except NotThere:
            return None
        except ProblemAnswered as error:
            return error


class ServingCode:
    """The code behind GET /stats, in this process, with the stores and the STATS_MODE of the settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def ask(self, user_ids: Sequence[str]) -> Answers:
        """See `Answering`."""
        return asyncio.run(self._ask_all(user_ids))

    async def _ask_all(self, user_ids: Sequence[str]) -> Answers:
        settings = self._settings
        async with mongodb_client.connect_async(settings) as mongodb:
            store = MongoStats(mongodb[settings.mongodb_database])
            if settings.stats_mode is StatsMode.MICRO_BATCH:
                return await _asked(UserStatsService(MicroBatchStats(store), 0.0), user_ids)
            async with redis_client.connect_async(settings) as redis:
                return await _asked(UserStatsService(stats_source(settings, store, redis), 0.0), user_ids)


async def _asked(service: UserStatsService, user_ids: Sequence[str]) -> Answers:
    return {user_id: await _answer(service, user_id) for user_id in user_ids}


async def _answer(service: UserStatsService, user_id: str) -> Answer | CineMatchError | None:
    try:
        return UserStats.model_validate(await service.get_user_stats(user_id)).model_dump()
    except UserNotFound:
        return None
    except CineMatchError as error:
        return error


@contextmanager
def answering(settings: Settings, api_url: str | None) -> Iterator[Answering]:
    """Give who answers: the API at `api_url`, or without one the serving code."""
    if api_url is None:
        yield ServingCode(settings)
        return
    with http_client.connect(api_url, PATIENCE) as client:
        yield RunningApi(client)
