"""How long POST /movies takes at a fixed rate of requests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any, Final

import httpx

from benchmarks.quantiles import summary

REQUESTS_PER_SECOND: Final = 100
SECONDS: Final = 30
WARM_UP_SECONDS: Final = 5
USERS: Final = 500
NO_ANSWER: Final = 0


def post_latency(api_url: str, movie_ids: list[str], requests_per_second: int = REQUESTS_PER_SECOND) -> dict[str, Any]:
    """Send requests on schedule, whether or not earlier ones are answered, each a film that is new to its user.

    A latency counts from the moment when the request was due, so a stalled server cannot hide behind a waiting client.
    `failed` counts what was not answered by 200; it is among the latencies, too.
    """
    milliseconds, failed = asyncio.run(_run(api_url, movie_ids, requests_per_second))
    return {
        "requests_per_second": requests_per_second,
        "seconds": SECONDS,
        "failed": failed,
        **summary(milliseconds),
    }


async def _run(api_url: str, movie_ids: list[str], rate: int) -> tuple[list[float], int]:
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=200)
    async with httpx.AsyncClient(base_url=api_url, timeout=10, limits=limits, trust_env=False) as client:
        bodies = _bodies(movie_ids)
        await _send_on_schedule(client, bodies, WARM_UP_SECONDS, rate)
        answers = await _send_on_schedule(client, bodies, SECONDS, rate)
    return [latency * 1000 for latency, _ in answers], sum(status != 200 for _, status in answers)


async def _send_on_schedule(
    client: httpx.AsyncClient, bodies: Iterator[dict[str, object]], seconds: int, rate: int
) -> list[tuple[float, int]]:
    began = time.perf_counter()
    tasks = []
    for number in range(rate * seconds):
        due = began + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tasks.append(asyncio.create_task(_send(client, next(bodies), due)))
    return await asyncio.gather(*tasks)


async def _send(client: httpx.AsyncClient, body: dict[str, object], due: float) -> tuple[float, int]:
    try:
        status = (await client.post("/movies", json=body)).status_code
    except httpx.TransportError:
        status = NO_ANSWER
    return time.perf_counter() - due, status


def _bodies(movie_ids: list[str]) -> Iterator[dict[str, object]]:
    for movie_id in movie_ids:
        for user in range(USERS):
            yield {"user_id": f"bench-post-{user}", "movie_id": movie_id, "rating": 1 + (user % 19) / 2}
