"""Makes sure that a bucket exists."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cinematch.adapters.s3_objects import NO_ENTRY, STORE
from cinematch.adapters.store_access import told

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.literals import BucketLocationConstraintType

MISSING: Final = 404
FIRST_REGION: Final = "us-east-1"
"""S3's own: the one that a request must not name as the place of a new bucket."""
ALREADY_THERE = ("BucketAlreadyOwnedByYou", "BucketAlreadyExists")


def ensure_bucket(
    endpoint_url: str,
    access_key_id: str,
    secret_access_key: str,
    bucket: str,
    ca_file: Path | None = None,
    region: str = FIRST_REGION,
) -> None:
    """Create `bucket` in `region` unless it exists. Raises StoreUnavailable when the object store refuses or is silent.

    Of one that exists it looks only, for which its readers have the right.
    """
    client = boto3.client(
        "s3",
        endpoint_url=endpoint_url,
        aws_access_key_id=access_key_id,
        aws_secret_access_key=secret_access_key,
        region_name=region,
        verify=None if ca_file is None else str(ca_file),
        config=Config(connect_timeout=2, read_timeout=5, retries={"max_attempts": 1}),
    )
    try:
        if not _exists(client, bucket):
            _create(client, bucket, region)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ALREADY_THERE:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            raise told(STORE, error, access_refused=status in NO_ENTRY) from error
    except BotoCoreError as error:
        raise told(STORE, error, access_refused=False) from error
    finally:
        client.close()


def _exists(client: S3Client, bucket: str) -> bool:
    try:
        client.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != MISSING:
            raise
        return False
    return True


def _create(client: S3Client, bucket: str, region: str) -> None:
    if region == FIRST_REGION:
        client.create_bucket(Bucket=bucket)
    else:
        place = cast("BucketLocationConstraintType", region)  # S3 knows regions that the driver's types do not
        client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": place})
