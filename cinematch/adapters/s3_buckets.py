"""Makes sure that a bucket exists."""

from __future__ import annotations

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cinematch.errors import StoreUnavailable

ALREADY_THERE = ("BucketAlreadyOwnedByYou", "BucketAlreadyExists")


def ensure_bucket(endpoint_url: str, access_key_id: str, secret_access_key: str, bucket: str) -> None:
    """Create `bucket` unless it exists. Raises StoreUnavailable when the object store refuses or is silent."""
    client = boto3.client(
        "s3",
        endpoint_url=endpoint_url,
        aws_access_key_id=access_key_id,
        aws_secret_access_key=secret_access_key,
        region_name="us-east-1",
        config=Config(connect_timeout=2, read_timeout=5, retries={"max_attempts": 1}),
    )
    try:
        client.create_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ALREADY_THERE:
            raise StoreUnavailable("s3", str(error)) from error
    except BotoCoreError as error:
        raise StoreUnavailable("s3", str(error)) from error
    finally:
        client.close()
