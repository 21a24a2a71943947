"""Users of MinIO, each with one policy of its own, by MinIO's administration API.

That API takes requests signed as those of S3 are, and wants the body of one that holds a password encrypted with the
administrator's: PBKDF2-HMAC-SHA256 makes the key, and AES-256-GCM seals the body in one fragment. The format is that of
MinIO's `madmin` (`EncryptData`) and of DARE's streams (`sio`): salt, algorithm, nonce, sealed fragment.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from hashlib import pbkdf2_hmac
from typing import Any, Final
from urllib.parse import urlencode

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError
from botocore.httpsession import URLLib3Session
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cinematch.adapters.s3_objects import NO_ENTRY, STORE
from cinematch.adapters.store_access import told
from cinematch.contracts.privileges import S3_LIST, Privileges
from cinematch.errors import StoreUnavailable
from cinematch.settings import Settings

ADMINISTRATION: Final = "/minio/admin/v3"
SECONDS: Final = 10
SALT_BYTES: Final = 32
NONCE_BYTES: Final = 8
ITERATIONS: Final = 8_192
PBKDF2_AES_GCM: Final = b"\x02"
LAST_FRAGMENT: Final = b"\x80"
FRAGMENT_BYTES: Final = 16_384
"""What is longer needs several fragments, which a password never does."""


class MinioUsers:
    """The users of one MinIO, seen by its administrator. Every call raises StoreUnavailable."""

    def __init__(self, settings: Settings) -> None:
        self._address = settings.s3_endpoint_url.rstrip("/")
        self._secret = settings.s3_secret_access_key.get_secret_value()
        self._credentials = Credentials(settings.s3_access_key_id.get_secret_value(), self._secret)
        self._region = settings.s3_region
        verify: Any = True if settings.s3_ca_file is None else str(settings.s3_ca_file)  # its types know no file
        self._session = URLLib3Session(verify=verify, timeout=SECONDS)

    def put(self, layer: Privileges, password: str, bucket: str) -> None:
        """Make the layer's policy and user, or bring them up to date, password included."""
        name = layer.user
        self._call("add-canned-policy", {"name": name}, json.dumps(policy(layer, bucket)).encode())
        user = json.dumps({"secretKey": password, "status": "enabled"}).encode()
        self._call("add-user", {"accessKey": name}, encrypted(self._secret, user))
        self._call("set-user-or-group-policy", {"policyName": name, "userOrGroup": name, "isGroup": "false"}, b"")

    def _call(self, action: str, parameters: Mapping[str, str], body: bytes) -> None:
        request = AWSRequest("PUT", f"{self._address}{ADMINISTRATION}/{action}?{urlencode(parameters)}", data=body)
        S3SigV4Auth(self._credentials, "s3", self._region).add_auth(request)
        try:
            answer = self._session.send(request.prepare())
        except BotoCoreError as error:
            raise told(STORE, error, access_refused=False) from error
        if answer.status_code >= 300:
            refusal = StoreUnavailable(
                STORE.name, f"{action} was answered with {answer.status_code}: {answer.text[:200]}"
            )
            raise told(STORE, refusal, access_refused=True) if answer.status_code in NO_ENTRY else refusal


def policy(layer: Privileges, bucket: str) -> dict[str, Any]:
    """Give what a layer may do in the bucket, as S3 writes it."""
    arn = f"arn:aws:s3:::{bucket}"
    statements = [{"Effect": "Allow", "Action": [S3_LIST], "Resource": [arn]}]
    for keys, actions in layer.s3.items():
        statements.append({"Effect": "Allow", "Action": sorted(actions), "Resource": [f"{arn}/{keys}"]})
    return {"Version": "2012-10-17", "Statement": statements}


def encrypted(password: str, text: bytes) -> bytes:
    """Encrypt a body of at most FRAGMENT_BYTES as MinIO wants it."""
    if len(text) > FRAGMENT_BYTES:
        raise ValueError("a body of more than one fragment")
    salt, nonce = secrets.token_bytes(SALT_BYTES), secrets.token_bytes(NONCE_BYTES)
    cipher = AESGCM(pbkdf2_hmac("sha256", password.encode(), salt, ITERATIONS))
    # The fragment number 0 is that of the associated data, which is nothing here; its seal goes with each fragment.
    seal_of_nothing = cipher.encrypt(nonce + (0).to_bytes(4, "little"), b"", b"")
    sealed = cipher.encrypt(nonce + (1).to_bytes(4, "little"), text, LAST_FRAGMENT + seal_of_nothing)
    return salt + PBKDF2_AES_GCM + nonce + sealed
