"""The public keys of whoever issues tokens: one in a file, or those that the issuer publishes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from cinematch.contracts.access_token import ALGORITHM, MIN_KEY_BITS
from cinematch.errors import CineMatchError, ConfigurationError, StoreUnavailable
from cinematch.telemetry import get_logger

KEEP_SECONDS: Final = 300.0
"""Keys are read anew after this time: behind an answer, and before it where nobody has looked for twice as long."""
PAUSE_SECONDS: Final = 10.0
"""Between two attempts: tokens that name unknown keys must not make us hammer the issuer."""
TIMEOUT_SECONDS: Final = 5.0

_log = get_logger(__name__)


class UnknownKey(CineMatchError):
    """No key of this name is the issuer's."""


class TokenKeys(Protocol):
    """Finds the key that a token names."""

    async def key(self, key_id: str | None) -> RSAPublicKey:
        """Give it. Raises UnknownKey, and StoreUnavailable when nobody can tell."""


class KeyFile:
    """The one key in a file, whatever a token says."""

    def __init__(self, path: Path) -> None:
        """Read it. Raises ConfigurationError."""
        try:
            self._key = _public_key(path.read_bytes())
        except (OSError, ValueError, TypeError, jwt.PyJWTError) as error:
            raise ConfigurationError(
                f"JWT_KEY_FILE: {str(path)!r} holds no public RSA key of at least {MIN_KEY_BITS} bits, as PEM or JWK "
                f"({type(error).__name__})"
            ) from None

    async def key(self, key_id: str | None) -> RSAPublicKey:
        """Give the key."""
        return self._key


class PublishedKeys:
    """The keys at an address (JWKS, RFC 7517), kept for some minutes; while it is away, those that it had last.

    An issuer that publishes no key of our kind has withdrawn all of them: it is not away.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=TIMEOUT_SECONDS)
        self._clock = clock
        self._keys: dict[str, RSAPublicKey] = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._lock = asyncio.Lock()
        self._renewal: asyncio.Task[None] | None = None

    async def key(self, key_id: str | None) -> RSAPublicKey:
        """Give the key; who names a known one waits for the issuer only when nobody has looked for long."""
        if (key_id or "") not in self._keys:
            await self._renew(KEEP_SECONDS if key_id is None else 0.0)
        elif self._clock() - self._tried_at >= 2 * KEEP_SECONDS:
            await self._renew(KEEP_SECONDS)
        elif self._is_due(KEEP_SECONDS):
            self._renewal = asyncio.create_task(self._renew(KEEP_SECONDS))
        found = self._keys.get(key_id or "")
        if found is not None:
            return found
        if self._fetched_at == float("-inf"):
            raise StoreUnavailable("the issuer of tokens", "its keys were never read")
        raise UnknownKey("the issuer has no such key")

    def _is_due(self, keep_seconds: float) -> bool:
        now = self._clock()
        return now - self._fetched_at >= keep_seconds and now - self._tried_at >= PAUSE_SECONDS

    async def _renew(self, keep_seconds: float) -> None:
        async with self._lock:
            if not self._is_due(keep_seconds):
                return
            self._tried_at = self._clock()
            try:
                self._keys = _usable(await asyncio.to_thread(self._client.fetch_data))
            except (jwt.PyJWTError, OSError, ValueError) as error:
                _log.warning("the issuer's keys cannot be read; those known stay", error=repr(error))
                return
            self._fetched_at = self._clock()
            if not self._keys:
                _log.warning("the issuer publishes no key that we can use; every token is refused")


def _public_key(text: bytes) -> RSAPublicKey:
    key = jwt.PyJWK.from_json(text.decode()).key if text.lstrip().startswith(b"{") else load_pem_public_key(text)
    if not (isinstance(key, RSAPublicKey) and _is_strong(key)):
        raise ValueError("another kind of key")
    return key


def _usable(key_set: dict[str, Any]) -> dict[str, RSAPublicKey]:
    """Give the keys of a set that can verify our tokens, by name; maybe none. Raises ValueError for no key set."""
    members = key_set.get("keys")
    if not isinstance(members, list):
        raise ValueError("a key set has a list of keys")
    published = filter(None, map(_read, members))
    return {str(each.key_id): each.key for each in published if _is_ours(each)}


def _read(member: Any) -> jwt.PyJWK | None:
    """Read one key; None for what is none, which spoils no other."""
    try:
        return jwt.PyJWK(member)
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError, KeyError):
        return None


def _is_ours(published: jwt.PyJWK) -> bool:
    key = published.key
    is_for_tokens = bool(published.key_id) and published.public_key_use in ("sig", None)
    return is_for_tokens and published.algorithm_name == ALGORITHM and isinstance(key, RSAPublicKey) and _is_strong(key)


def _is_strong(key: RSAPublicKey) -> bool:
    return key.key_size >= MIN_KEY_BITS
