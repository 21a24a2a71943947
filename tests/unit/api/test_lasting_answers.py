"""Answers without an end, and a token that is good only for some of their time."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from fastapi import Request

from cinematch.api.guard import Guard
from cinematch.api.token_keys import UnknownKey
from cinematch.api.tokens import REMEMBER_SECONDS, TokenVerifier
from cinematch.errors import StoreUnavailable
from serving_layer.dashboard.streams import ending
from tests.tokens import AUDIENCE, ISSUER, bearer, key_of, token


class Issuer:
    """An issuer whose key a test withdraws, and a clock that a test moves."""

    def __init__(self) -> None:
        self.fault: Exception | None = None
        self.now = time.time()
        self.guard = Guard(TokenVerifier(self, ISSUER, AUDIENCE, lambda: self.now))

    async def key(self, key_id: str | None) -> RSAPublicKey:
        if self.fault is not None:
            raise self.fault
        return key_of("issuer").public_key()

    def request(self, text: str | None, guard: Guard | None = None) -> Request:
        """A request to the running application."""
        headers = [] if text is None else [(b"authorization", bearer(text)["Authorization"].encode())]
        app = SimpleNamespace(state=SimpleNamespace(guard=guard or self.guard, ending=False))
        return Request({"type": "http", "app": app, "headers": headers})


@pytest.mark.parametrize("fault", [UnknownKey("withdrawn"), StoreUnavailable("the issuer of tokens", "away")])
async def test_a_stream_ends_when_the_key_of_its_token_is_withdrawn(fault: Exception) -> None:
    issuer = Issuer()
    is_ending = await ending(issuer.request(token("anna")))
    assert not await is_ending()
    issuer.fault = fault
    assert not await is_ending()
    issuer.now += REMEMBER_SECONDS
    assert await is_ending()


async def test_a_stream_whose_token_stays_good_goes_on() -> None:
    issuer = Issuer()
    is_ending = await ending(issuer.request(token("anna")))
    for _ in range(5):
        assert not await is_ending()
        issuer.now += REMEMBER_SECONDS


@pytest.mark.parametrize("text", [None, "no token"])
async def test_a_strangers_stream_has_no_token_to_end_with(text: str | None) -> None:
    issuer = Issuer()
    is_ending = await ending(issuer.request(text))
    issuer.fault = UnknownKey("withdrawn")
    assert not await is_ending()


async def test_nobody_is_asked_where_nobody_needs_a_token() -> None:
    assert not await (await ending(Issuer().request("no token", Guard(None))))()


async def test_a_stream_ends_with_the_process() -> None:
    request = Issuer().request(token("anna"))
    is_ending = await ending(request)
    request.app.state.ending = True
    assert await is_ending()
