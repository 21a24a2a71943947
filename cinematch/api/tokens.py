"""Verifies access tokens, and remembers those that are good."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import jwt
from pydantic import TypeAdapter, ValidationError

from cinematch.api.inputs import Identifier
from cinematch.api.token_keys import KeyFile, PublishedKeys, TokenKeys, UnknownKey
from cinematch.contracts.access_token import ALGORITHM, REQUIRED_CLAIMS, Scope
from cinematch.errors import CineMatchError, ConfigurationError
from cinematch.settings import Settings

LEEWAY_SECONDS: Final = 10.0
"""How far the issuer's clock and ours may be apart."""
REMEMBER_SECONDS: Final = 300.0
"""A token is verified again after this time, lest it outlive the withdrawal of its key."""
REMEMBERED_MAX: Final = 10_000
TOKEN_BYTES_MAX: Final = 8_192
_USER_ID: Final = TypeAdapter[str](Identifier)


class InvalidToken(CineMatchError):
    """A token cannot be trusted; the text says why in words that its bearer may read."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: a user, with what the token allows; `until` is when it expires, in seconds since 1970."""

    user_id: str
    scopes: frozenset[str]
    until: float

    def has(self, scope: Scope) -> bool:
        """Say whether the token has this scope."""
        return scope in self.scopes


class TokenVerifier:
    """Turns a token into its caller. The algorithm is ours, whatever the token says."""

    def __init__(self, keys: TokenKeys, issuer: str, audience: str, clock: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        self._known: dict[str, tuple[Caller, float]] = {}

    async def caller(self, token: str) -> Caller:
        """Give who holds it. Raises InvalidToken; StoreUnavailable when the issuer's keys cannot be had."""
        known = self._known.get(token)
        if known is not None and self._clock() < known[1]:
            return known[0]
        self._known.pop(token, None)
        caller = await self._verified(token)
        self._remember(token, caller)
        return caller

    def _remember(self, token: str, caller: Caller) -> None:
        if len(self._known) >= REMEMBERED_MAX:
            del self._known[next(iter(self._known))]
        self._known[token] = (caller, min(caller.until, self._clock() + REMEMBER_SECONDS))

    async def _verified(self, token: str) -> Caller:
        if len(token) > TOKEN_BYTES_MAX:
            raise InvalidToken("the token is too long")
        try:
            key = await self._keys.key(_key_id(token))
            told: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": list(REQUIRED_CLAIMS)},
            )
        except jwt.ExpiredSignatureError:
            raise InvalidToken("the token has expired") from None
        except (jwt.PyJWTError, UnknownKey, ValueError, RecursionError):
            raise InvalidToken("the token is not valid here") from None
        return _caller(told)


def token_verifier(settings: Settings) -> TokenVerifier:
    """Give the verifier that the settings describe. Raises ConfigurationError."""
    return TokenVerifier(_keys(settings), settings.jwt_issuer, settings.jwt_audience)


def _keys(settings: Settings) -> TokenKeys:
    if (settings.jwt_key_file is None) == (settings.jwt_jwks_url is None):
        raise ConfigurationError("AUTH=jwt needs either JWT_KEY_FILE or JWT_JWKS_URL")
    if settings.jwt_key_file is not None:
        return KeyFile(settings.jwt_key_file)
    return PublishedKeys(str(settings.jwt_jwks_url))


def _key_id(token: str) -> str | None:
    """Read the name of the key: the one part of a token that is read before its signature is checked."""
    key_id = jwt.get_unverified_header(token).get("kid")
    return key_id if isinstance(key_id, str) else None


def _caller(told: dict[str, Any]) -> Caller:
    """Read who holds a token; an id that no list could have is nobody's, and would only spoil the log."""
    scope = told.get("scope", "")
    try:
        user_id = _USER_ID.validate_python(told["sub"])
    except ValidationError:
        raise InvalidToken("the token is not valid here") from None
    if not isinstance(scope, str):
        raise InvalidToken("the token is not valid here")
    return Caller(user_id, frozenset(scope.split()), float(told["exp"]))
