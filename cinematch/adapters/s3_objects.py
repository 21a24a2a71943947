"""Objects of one S3 bucket: list, read, conditional write, delete.

Guarantees (S3's and MinIO's own): what was written is listed and read by whoever comes after; `put_new` lets exactly
one of several writers have a name. Not guaranteed: that a `put_new` which raised StoreUnavailable wrote nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cinematch.adapters.s3_request_times import time_requests
from cinematch.adapters.store_access import StoreAccess, told
from cinematch.errors import Conflict, NotFound, StoreUnavailable
from cinematch.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ErrorTypeDef

CONNECT_TIMEOUT_SECONDS: Final = 3
READ_TIMEOUT_SECONDS: Final = 20
ATTEMPTS: Final = 2
CONNECTIONS: Final = 16
STORE: Final = StoreAccess("s3", user="S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY", ca_file="S3_CA_FILE")
NO_ENTRY: Final = (401, 403)
DELETE_AT_ONCE: Final = 1_000  # S3's limit for one request


@dataclass(frozen=True, slots=True)
class ObjectHead:
    """An object's size in bytes and the metadata that its writer gave it."""

    size_bytes: int
    metadata: Mapping[str, str]


class S3Objects:
    """One bucket. Every method raises StoreUnavailable when S3 is silent or refuses."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self.bucket = bucket

    def sizes(self, prefix: str, after: str = "") -> dict[str, int]:
        """Give key -> bytes of all objects below `prefix` whose key is greater than `after`, in order of keys."""
        with _translated():
            return dict(self._pages(prefix, after))

    def head(self, key: str) -> ObjectHead:
        """Look at one object. Raises NotFound."""
        with _translated():
            answer = self._client.head_object(Bucket=self.bucket, Key=key)
            return ObjectHead(answer["ContentLength"], answer["Metadata"])

    def get(self, key: str) -> bytes:
        """Read one object whole. Raises NotFound."""
        with _translated():
            return self._client.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def put_new(self, key: str, body: bytes, metadata: Mapping[str, str] | None = None) -> None:
        """Write an object under a name that is free. Raises Conflict when it is taken."""
        with _translated():
            self._client.put_object(
                Bucket=self.bucket, Key=key, Body=body, Metadata=dict(metadata or {}), IfNoneMatch="*"
            )

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; those that are not there are no error."""
        remaining = list(keys)
        with _translated():
            for start in range(0, len(remaining), DELETE_AT_ONCE):
                names = remaining[start : start + DELETE_AT_ONCE]
                answer = self._client.delete_objects(
                    Bucket=self.bucket, Delete={"Objects": [{"Key": name} for name in names], "Quiet": True}
                )
                if refused := answer.get("Errors"):
                    reason = StoreUnavailable("s3", f"{len(refused)} objects cannot be deleted: {refused[0]}")
                    raise told(STORE, reason, access_refused=True) if _are_denied(refused) else reason

    def _pages(self, prefix: str, after: str) -> Iterator[tuple[str, int]]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix, StartAfter=after
        )
        for page in pages:
            for entry in page.get("Contents", ()):
                yield entry["Key"], entry["Size"]


def connect(settings: Settings) -> S3Objects:
    """Give the lake's bucket; nothing is sent yet."""
    client = boto3.client(
        "s3",
        endpoint_url=settings.s3_endpoint_url,
        aws_access_key_id=settings.s3_access_key_id.get_secret_value(),
        aws_secret_access_key=settings.s3_secret_access_key.get_secret_value(),
        region_name=settings.s3_region,
        verify=None if settings.s3_ca_file is None else str(settings.s3_ca_file),
        config=Config(
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            retries={"max_attempts": ATTEMPTS, "mode": "standard"},
            max_pool_connections=CONNECTIONS,
            s3={"addressing_style": "path"},
            # Older S3-compatible servers do not know the newer checksum headers.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )
    time_requests(client)
    return S3Objects(client, settings.lake_bucket)


def _are_denied(errors: Iterable[ErrorTypeDef]) -> bool:
    return any(error.get("Code") == "AccessDenied" for error in errors)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if status == 404:
            raise NotFound(f"the object store has no such object or bucket: {error}") from error
        if status == 412:
            raise Conflict("an object of this name exists") from error
        raise told(STORE, error, access_refused=status in NO_ENTRY) from error
    except (BotoCoreError, OSError) as error:
        raise told(STORE, error, access_refused=False) from error
