"""The public keys of whoever issues tokens: one in a file, or those that the issuer publishes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from cinematch.contracts.access_token import ALGORITHM, MIN_KEY_BITS
from cinematch.errors import CineMatchError, ConfigurationError, StoreUnavailable
from cinematch.telemetry import get_logger

KEEP_SECONDS: Final = 300.0
"""A key that the issuer withdraws is refused after this time."""
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
    """The keys at an address (JWKS, RFC 7517), kept for some minutes; while it is away, those that it had last."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=TIMEOUT_SECONDS)
        self._clock = clock
        self._keys: dict[str, RSAPublicKey] = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._lock = asyncio.Lock()
        self._renewal: asyncio.Task[None] | None = None

    async def key(self, key_id: str | None) -> RSAPublicKey:
        """Give the key; who names a known one never waits for the issuer."""
        found = self._keys.get(key_id or "")
        if found is None:
            await self._renew(KEEP_SECONDS if key_id is None else 0.0)
            found = self._keys.get(key_id or "")
        elif self._is_due(KEEP_SECONDS):
            self._renewal = asyncio.create_task(self._renew(KEEP_SECONDS))
        if found is not None:
            return found
        if not self._keys:
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
                published = await asyncio.to_thread(self._client.get_signing_keys, refresh=True)
            except (jwt.PyJWTError, OSError, ValueError) as error:
                _log.warning("the issuer's keys cannot be read; those known stay", error=repr(error))
                return
            self._keys = {str(each.key_id): each.key for each in published if _is_ours(each)}
            self._fetched_at = self._clock()


def _public_key(text: bytes) -> RSAPublicKey:
    key = jwt.PyJWK.from_json(text.decode()).key if text.lstrip().startswith(b"{") else load_pem_public_key(text)
    if not (isinstance(key, RSAPublicKey) and _is_strong(key)):
        raise ValueError("another kind of key")
    return key


def _is_ours(published: jwt.PyJWK) -> bool:
    key = published.key
    return published.algorithm_name == ALGORITHM and isinstance(key, RSAPublicKey) and _is_strong(key)


def _is_strong(key: RSAPublicKey) -> bool:
    return key.key_size >= MIN_KEY_BITS
