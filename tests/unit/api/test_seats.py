"""Seats for answers that last: a most of all, few for one sender, and free again when their answer ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import Request

from cinematch.api.guard import Guard
from cinematch.api.rate_limits import TooManyRequests
from cinematch.api.seats import PER_SENDER, Seats, seat_sender
from cinematch.api.tokens import token_verifier
from cinematch.errors import StoreUnavailable
from cinematch.settings import Settings
from serving_layer.dashboard.looks import Looks
from serving_layer.dashboard.operation import OperatorNews, seat
from serving_layer.dashboard.streams import seat_at_trends, seat_at_users
from tests.tokens import bearer, secured, token


@pytest.fixture
def taken() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_one_sender_gets_some_seats_and_others_get_theirs(taken: ExitStack) -> None:
    seats = Seats("the live stream", 100)
    for _ in range(PER_SENDER):
        taken.enter_context(seats.taken_by("user anna"))
    with pytest.raises(TooManyRequests) as refusal, seats.taken_by("user anna"):
        pytest.fail("this is one too many")
    assert refusal.value.detail == "the live stream has 10 seats for one sender"
    assert refusal.value.headers == {"Retry-After": "10"}
    taken.enter_context(seats.taken_by("user bob"))


@pytest.mark.parametrize("sender", ["user anna", None])
def test_there_is_a_most_of_all_seats_and_they_come_free(sender: str | None) -> None:
    seats = Seats("the live stream", 1)
    for _ in range(2):
        with seats.taken_by(sender), pytest.raises(StoreUnavailable, match="seats"), seats.taken_by("user bob"):
            pytest.fail("this is one too many")


def test_who_has_left_is_forgotten() -> None:
    seats = Seats("the live stream", 1)
    for number in range(50):
        with seats.taken_by(f"user {number}"):
            pass
    assert (seats._taken, dict(seats._by_sender)) == (0, {})


async def look(_key: str) -> Any:
    return {}


@pytest.mark.parametrize("kind", ["users", "trends", "operator"])
async def test_no_sender_takes_all_streams_of_a_kind(kind: str) -> None:
    documents: Any = SimpleNamespace(users=Looks(look), trends=Looks(look))
    stages: dict[str, tuple[Any, Any]] = {
        "users": (documents, asynccontextmanager(seat_at_users)),
        "trends": (documents, asynccontextmanager(seat_at_trends)),
        "operator": (OperatorNews({}), asynccontextmanager(seat)),
    }
    source, sit = stages[kind]
    async with AsyncExitStack() as taken:
        for _ in range(PER_SENDER):
            await taken.enter_async_context(sit(source, "address 192.0.2.1"))
        with pytest.raises(TooManyRequests):
            await taken.enter_async_context(sit(source, "address 192.0.2.1"))
        await taken.enter_async_context(sit(source, "user anna"))


def request(guard: Guard, host: str | None = None, text: str | None = None) -> Request:
    """A request from an address, with a token or without."""
    app = SimpleNamespace(state=SimpleNamespace(guard=guard))
    headers = [] if text is None else [(b"authorization", bearer(text)["Authorization"].encode())]
    return Request({"type": "http", "app": app, "client": host and (host, 1), "headers": headers})


async def test_a_sender_is_the_user_else_the_address(tmp_path: Path) -> None:
    guard = Guard(token_verifier(secured(Settings(), tmp_path)))
    assert await seat_sender(request(guard, "192.0.2.1", token("anna"))) == "user anna"
    assert await seat_sender(request(guard, "192.0.2.1", "no token")) == "address 192.0.2.1"
    assert await seat_sender(request(guard, "2001:db8::1")) == await seat_sender(request(guard, "2001:db8::2"))
    assert await seat_sender(request(guard)) == "address unknown"
    assert await seat_sender(request(Guard(None), "127.0.0.1")) is None
