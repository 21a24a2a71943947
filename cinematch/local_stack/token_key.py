"""The key with which one machine issues tokens of its own: made once per data directory, readable by its owner only.

Whoever can read the private half can be anybody. An installation for others has an issuer (an identity provider), whose
published keys the API reads by JWT_JWKS_URL.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from cinematch.contracts.access_token import ALGORITHM, MIN_KEY_BITS, Scope, claims
from cinematch.errors import Conflict
from cinematch.local_stack.data_folder import DataFolder
from cinematch.local_stack.file_lock import try_lock
from cinematch.local_stack.private_file import write_private

PUBLIC_EXPONENT: Final = 65_537
LOCK_SECONDS: Final = 10.0


class TokenKey:
    """The key pair of one data directory; made when it is first needed."""

    def __init__(self, folder: DataFolder) -> None:
        self._private_file = folder.token_key_file
        self._public_file = folder.token_public_key_file

    def public_file(self) -> Path:
        """Give the file for JWT_KEY_FILE."""
        self._private_key()
        return self._public_file

    def issue(self, user_id: str, scopes: Iterable[Scope], lifetime: timedelta, issuer: str, audience: str) -> str:
        """Sign a token that is good from now on."""
        told = claims(user_id, frozenset(scopes), issuer, audience, datetime.now(UTC), lifetime)
        return jwt.encode(told, self._private_key(), ALGORITHM)

    def _private_key(self) -> str:
        self._private_file.parent.mkdir(parents=True, exist_ok=True)
        with self._private_file.with_suffix(".lock").open("a") as lock:
            if not try_lock(lock, LOCK_SECONDS):  # two commands at a time make one key
                raise Conflict(f"another command is making {self._private_file}: run this again")
            if not (self._private_file.exists() and self._public_file.exists()):
                self._make()
            return self._private_file.read_text()

    def _make(self) -> None:
        key = rsa.generate_private_key(PUBLIC_EXPONENT, MIN_KEY_BITS)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        write_private(self._private_file, private.decode())
        write_private(self._public_file, public.decode())
        self._public_file.chmod(0o644)  # another user's process may verify by it
