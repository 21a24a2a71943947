"""Which tokens are trusted, for how long, and with which keys."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from cinematch.api import tokens
from cinematch.api.token_keys import KEEP_SECONDS, PAUSE_SECONDS, KeyFile, PublishedKeys, UnknownKey
from cinematch.api.tokens import InvalidToken, TokenVerifier, token_verifier
from cinematch.contracts.access_token import Scope
from cinematch.errors import ConfigurationError, StoreUnavailable
from cinematch.settings import Authentication, Settings
from tests.tokens import AUDIENCE, BAD_TOKENS, ISSUER, Bad, key_of, published, secured, token


class Clock:
    """A clock that a test moves."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Issuer:
    """An issuer's address: what it publishes, how often it was asked, and whether it answers."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.others: list[Any] = []
        self.page: Any = None
        self.asked = 0
        self.is_away = False

    def document(self) -> Any:
        """What it answers."""
        return self.page if self.page is not None else {"keys": [*self.others, *published(*self.names)["keys"]]}


@contextmanager
def publishing(issuer: Issuer) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked += 1
            self.send_response(500 if issuer.is_away else 200)
            self.end_headers()
            self.wfile.write(json.dumps(issuer.document()).encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/keys"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def verifier(tmp_path: Path) -> TokenVerifier:
    return token_verifier(secured(Settings(), tmp_path))


async def test_a_good_token_is_its_user_and_its_scopes(verifier: TokenVerifier) -> None:
    caller = await verifier.caller(token("anna", scope="operator metrics"))
    assert caller.user_id == "anna"
    assert caller.has(Scope.OPERATOR)
    assert caller.has(Scope.METRICS)
    assert not (await verifier.caller(token("anna"))).has(Scope.OPERATOR)


async def test_one_of_several_audiences_is_enough(verifier: TokenVerifier) -> None:
    assert (await verifier.caller(token(aud=["another", AUDIENCE]))).user_id == "anna"


@pytest.mark.parametrize("bad", BAD_TOKENS, ids=lambda bad: bad.name)
async def test_every_bad_token_is_refused_in_harmless_words(verifier: TokenVerifier, bad: Bad) -> None:
    with pytest.raises(InvalidToken) as refusal:
        await verifier.caller(bad.make())
    assert str(refusal.value).isascii()
    assert len(str(refusal.value)) < 60


async def test_scopes_of_another_type_are_none(verifier: TokenVerifier) -> None:
    with pytest.raises(InvalidToken):
        await verifier.caller(token(scope=["operator"]))


class CountedKey(KeyFile):
    """The issuer's key, and how often it was used."""

    def __init__(self) -> None:
        self._key = key_of("issuer").public_key()
        self.used = 0

    async def key(self, key_id: str | None) -> rsa.RSAPublicKey:
        self.used += 1
        return await super().key(key_id)


@pytest.mark.parametrize("later_seconds", [tokens.REMEMBER_SECONDS + 1, 60.0])
async def test_a_token_is_verified_once_until_it_expires_or_gets_old(later_seconds: float) -> None:
    key, clock = CountedKey(), Clock(time.time())
    verifier = TokenVerifier(key, ISSUER, AUDIENCE, clock)
    text = token(exp=int(clock.now) + (60 if later_seconds == 60 else 3_600))
    for _ in range(5):
        await verifier.caller(text)
    assert key.used == 1
    clock.now += later_seconds
    await verifier.caller(text)
    assert key.used == 2


async def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "REMEMBERED_MAX", 3)
    key = CountedKey()
    verifier = TokenVerifier(key, ISSUER, AUDIENCE)
    texts = [token(f"u{number}") for number in range(5)]
    for text in texts:
        await verifier.caller(text)
    await verifier.caller(texts[-1])
    assert key.used == 5
    await verifier.caller(texts[0])
    assert key.used == 6


async def test_the_key_may_be_a_jwk(tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    file.write_text(json.dumps(published("issuer")["keys"][0]))
    verifier = token_verifier(Settings(auth=Authentication.JWT, jwt_key_file=file))
    assert (await verifier.caller(token())).user_id == "anna"


def elliptic() -> bytes:
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def weak() -> bytes:
    public = rsa.generate_private_key(65_537, 1_024).public_key()
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def private() -> bytes:
    return key_of("issuer").private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


SECRET = json.dumps({"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"}).encode()


@pytest.mark.parametrize("content", [b"", b"key", b"{}", b"\xff\xfe", SECRET, elliptic(), weak(), private()])
def test_a_file_without_a_strong_public_key_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"JWT_KEY_FILE: .* holds no public RSA key of at least 2048 bits"):
        KeyFile(file)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigurationError, match="/nowhere/key"):
        KeyFile(Path("/nowhere/key.pem"))


@pytest.mark.parametrize("given", [{}, {"jwt_key_file": "k", "jwt_jwks_url": "http://127.0.0.1/keys"}])
def test_one_source_of_keys_is_needed(given: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="either JWT_KEY_FILE or JWT_JWKS_URL"):
        token_verifier(Settings.model_validate({"auth": "jwt", **given}))


async def test_the_issuers_keys_are_read_once() -> None:
    issuer = Issuer("first")
    with publishing(issuer) as url:
        verifier = token_verifier(Settings.model_validate({"auth": "jwt", "jwt_jwks_url": url}))
        for user_id in ("anna", "bob"):
            assert (await verifier.caller(token(user_id, key="first", kid="first"))).user_id == user_id
        with pytest.raises(InvalidToken):
            await verifier.caller(token(key="stranger", kid="first"))
        with pytest.raises(InvalidToken):
            await verifier.caller(token(key="first"))
    assert issuer.asked == 1


async def test_a_new_key_is_found_and_strangers_do_not_make_us_ask_in_a_row() -> None:
    issuer, clock = Issuer("first"), Clock()
    with publishing(issuer) as url:
        keys = PublishedKeys(url, clock)
        await keys.key("first")
        issuer.names = ("first", "second")
        for _ in range(20):
            with pytest.raises(UnknownKey):
                await keys.key("second")
        assert issuer.asked == 1
        clock.now += PAUSE_SECONDS
        assert await keys.key("second") == key_of("second").public_key()
    assert issuer.asked == 2


async def test_known_keys_serve_while_the_issuer_is_away() -> None:
    issuer, clock = Issuer("first"), Clock()
    with publishing(issuer) as url:
        keys = PublishedKeys(url, clock)
        await keys.key("first")
        issuer.is_away = True
        for _ in range(3):
            clock.now += KEEP_SECONDS
            assert await keys.key("first") == key_of("first").public_key()
            await renewed(keys)
        assert issuer.asked == 4


async def test_a_withdrawn_key_is_refused_after_the_next_look() -> None:
    issuer, clock = Issuer("first"), Clock()
    with publishing(issuer) as url:
        keys = PublishedKeys(url, clock)
        await keys.key("first")
        issuer.names = ("second",)
        clock.now += KEEP_SECONDS
        await keys.key("first")  # answered at once, and looked after
        await renewed(keys)
        with pytest.raises(UnknownKey):
            await keys.key("first")


FOREIGN = [{"kty": "EC", "kid": "first", "crv": "P-256"}, json.loads(SECRET), {"kty": "new"}, "key", None]
"""What an issuer may publish beside our kind of key, or by mistake."""


@pytest.mark.parametrize("left", [[], FOREIGN], ids=["no key", "foreign keys"])
async def test_when_the_last_key_is_withdrawn_no_token_is_good(left: list[Any]) -> None:
    issuer, clock = Issuer("first"), Clock()
    with publishing(issuer) as url:
        keys = PublishedKeys(url, clock)
        await keys.key("first")
        issuer.names, issuer.others = (), left
        clock.now += KEEP_SECONDS
        await keys.key("first")  # answered at once, and looked after
        await renewed(keys)
        for name in ("first", "second", None):
            with pytest.raises(UnknownKey):
                await keys.key(name)


async def test_keys_that_nobody_looked_at_for_long_are_read_before_they_count() -> None:
    issuer, clock = Issuer("first"), Clock()
    with publishing(issuer) as url:
        keys = PublishedKeys(url, clock)
        await keys.key("first")
        issuer.names = ()
        clock.now += 2 * KEEP_SECONDS
        with pytest.raises(UnknownKey):
            await keys.key("first")


async def test_an_issuer_that_publishes_nothing_yet_is_no_outage() -> None:
    with publishing(Issuer()) as url, pytest.raises(UnknownKey):
        await PublishedKeys(url).key("first")


async def test_a_key_that_cannot_be_read_spoils_no_other() -> None:
    issuer = Issuer("first")
    issuer.others = FOREIGN
    with publishing(issuer) as url:
        assert await PublishedKeys(url).key("first") == key_of("first").public_key()


@pytest.mark.parametrize("answer", [{}, {"keys": {}}, {"keys": None}, [], "keys"])
async def test_what_is_no_set_of_keys_withdraws_none(answer: Any) -> None:
    issuer, clock = Issuer("first"), Clock()
    with publishing(issuer) as url:
        keys = PublishedKeys(url, clock)
        await keys.key("first")
        issuer.page = answer
        clock.now += 2 * KEEP_SECONDS
        assert await keys.key("first") == key_of("first").public_key()
        assert issuer.asked == 2


async def test_an_issuer_that_never_answered_is_an_outage_and_no_bad_token() -> None:
    issuer = Issuer("first")
    issuer.is_away = True
    with publishing(issuer) as url, pytest.raises(StoreUnavailable):
        await PublishedKeys(url).key("first")


async def renewed(keys: PublishedKeys) -> None:
    """Wait for the look that goes on behind an answer."""
    assert keys._renewal is not None
    await keys._renewal
