"""Access tokens for tests: good ones, and every kind that must be refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from cinematch.settings import Authentication, Settings

AUDIENCE = ISSUER = "cinematch"
HOUR_SECONDS = 3_600


@cache
def key_of(name: str) -> rsa.RSAPrivateKey:
    """The private key of an issuer; another name, another key."""
    return rsa.generate_private_key(65_537, 2_048)


def public_pem(name: str = "issuer") -> bytes:
    """The public half."""
    return (
        key_of(name)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def published(*names: str) -> dict[str, Any]:
    """The issuer's key set (JWKS); each key's id is its name."""
    algorithm = jwt.algorithms.RSAAlgorithm
    return {"keys": [algorithm.to_jwk(key_of(name).public_key(), as_dict=True) | {"kid": name} for name in names]}


def secured(settings: Settings, folder: Path) -> Settings:
    """The same settings, with AUTH=jwt."""
    file = folder / "issuer.pem"
    file.write_bytes(public_pem())
    return settings.model_copy(update={"auth": Authentication.JWT, "jwt_key_file": file})


def claims(user_id: str = "anna", **changes: Any) -> dict[str, Any]:
    """What a good token says; a change to None leaves the claim out."""
    now = int(time.time())
    good = {"aud": AUDIENCE, "iss": ISSUER, "sub": user_id, "iat": now, "nbf": now, "exp": now + HOUR_SECONDS}
    return {name: value for name, value in (good | changes).items() if value is not None}


def token(user_id: str = "anna", *, key: str = "issuer", kid: str | None = None, **changes: Any) -> str:
    """A signed token."""
    headers = None if kid is None else {"kid": kid}
    return jwt.encode(claims(user_id, **changes), key_of(key), "RS256", headers=headers)


def bearer(text: str) -> dict[str, str]:
    """The header that sends a token."""
    return {"Authorization": f"Bearer {text}"}


def without(claim: str) -> str:
    """A token that leaves something out."""
    changes: dict[str, Any] = {claim: None}
    return token(**changes)


@dataclass(frozen=True)
class Bad:
    """A token that must be refused."""

    name: str
    make: Callable[[], str]


def by_hand(header: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    """A token that no library would write."""
    parts = b".".join(_encoded(json.dumps(part).encode()) for part in (header, claims()))
    return (parts + b"." + _encoded(sign(parts))).decode()


def _encoded(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def _with_public_key_as_secret(parts: bytes) -> bytes:
    return hmac.new(public_pem(), parts, hashlib.sha256).digest()


def _changed_after_signing() -> str:
    header, _, signature = token("bob").split(".")
    return f"{header}.{_encoded(json.dumps(claims('anna', scope='operator')).encode()).decode()}.{signature}"


BAD_TOKENS = (
    Bad("expired", lambda: token(exp=int(time.time()) - 60)),
    Bad("not yet good", lambda: token(nbf=int(time.time()) + 600)),
    Bad("issued in the future", lambda: token(iat=int(time.time()) + 600)),
    Bad("forged signature", lambda: token(key="stranger")),
    Bad("changed after signing", _changed_after_signing),
    Bad("algorithm none", lambda: by_hand({"alg": "none", "typ": "JWT"}, lambda _: b"")),
    Bad("algorithm None", lambda: by_hand({"alg": "None", "typ": "JWT"}, lambda _: b"")),
    Bad("HS256 with the public key", lambda: by_hand({"alg": "HS256", "typ": "JWT"}, _with_public_key_as_secret)),
    Bad("RS512", lambda: jwt.encode(claims(), key_of("issuer"), "RS512")),
    Bad("PS256", lambda: jwt.encode(claims(), key_of("issuer"), "PS256")),
    Bad("a key of its own in its head", lambda: jwt.encode(
        claims(), key_of("stranger"), "RS256", headers={"jwk": published("stranger")["keys"][0]}
    )),
    Bad("an address of keys in its head", lambda: jwt.encode(
        claims(), key_of("stranger"), "RS256", headers={"jku": "http://127.0.0.1:1/keys", "kid": "../../dev/null"}
    )),
    Bad("wrong audience", lambda: token(aud="another")),
    Bad("wrong issuer", lambda: token(iss="another")),
    *(Bad(f"without {name}", partial(without, name)) for name in claims()),
    Bad("empty user", lambda: token("")),
    Bad("user with a line of their own for the log", lambda: token("anna\noperator acts")),
    Bad("user who looks like another", lambda: token("anna\u200e")),
    Bad("user with too long an id", lambda: token("a" * 129)),
    Bad("user of another type", lambda: token(sub=7)),
    Bad("no token", lambda: "anna"),
    Bad("empty", lambda: ""),
    Bad("too long", lambda: token(filler=secrets.token_hex(8_000))),
)  # fmt: skip
