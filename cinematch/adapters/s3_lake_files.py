"""Single columns, row groups and footers of the lake's files, by pyarrow's own access to S3."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem

from cinematch.adapters.s3_objects import STORE
from cinematch.adapters.store_access import told
from cinematch.contracts.lake_file import read_account
from cinematch.contracts.lake_manifest import LakeObject
from cinematch.errors import NotFound, StoreUnavailable
from cinematch.settings import Settings

CONNECT_TIMEOUT_SECONDS: Final = 3
REQUEST_TIMEOUT_SECONDS: Final = 20
ATTEMPTS: Final = 3
_NO_ENTRY_SIGNS: Final = ("ACCESS_DENIED", "INVALID_ACCESS_KEY_ID", "SIGNATURE_DOES_NOT_MATCH", "HTTP status 403")


class LakeFiles:
    """The files of one bucket by key. Raises NotFound, StoreUnavailable, and ValueError for what is no such file."""

    def __init__(self, files: S3FileSystem, bucket: str) -> None:
        self._files = files
        self._bucket = bucket

    def account(self, key: str) -> tuple[LakeObject, int]:
        """Read a footer: what the file says of itself and how many rows it has."""
        with _translated(), self._files.open_input_file(self._path(key)) as file:
            return read_account(key, file)

    def column(self, key: str, name: str) -> pa.ChunkedArray:
        """Read one column."""
        with _translated():
            return pq.read_table(self._path(key), columns=[name], filesystem=self._files).column(name)

    def count(self, key: str, schema: pa.Schema, wanted: ds.Expression) -> int:
        """Count the rows that match; row groups are skipped by their statistics."""
        with _translated():
            found = ds.dataset(self._path(key), schema=schema, format="parquet", filesystem=self._files)
            return int(found.count_rows(filter=wanted))

    def rows(self, keys: Sequence[str], schema: pa.Schema, wanted: ds.Expression | None = None) -> pa.Table:
        """Read the rows that match, from files of one schema; row groups are skipped by their statistics."""
        if not keys:
            return schema.empty_table()
        paths = [self._path(key) for key in keys]
        with _translated():
            return ds.dataset(paths, schema=schema, format="parquet", filesystem=self._files).to_table(filter=wanted)

    def _path(self, key: str) -> str:
        return f"{self._bucket}/{key}"


def connect(settings: Settings) -> LakeFiles:
    """Give the files of the lake's bucket; nothing is sent yet."""
    endpoint = urlsplit(settings.s3_endpoint_url)
    files = S3FileSystem(
        access_key=settings.s3_access_key_id.get_secret_value(),
        secret_key=settings.s3_secret_access_key.get_secret_value(),
        region=settings.s3_region,
        scheme=endpoint.scheme,
        endpoint_override=endpoint.netloc,
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        request_timeout=REQUEST_TIMEOUT_SECONDS,
        tls_ca_file_path=None if settings.s3_ca_file is None else str(settings.s3_ca_file),
        retry_strategy=AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS),
    )
    return LakeFiles(files, settings.lake_bucket)


@contextmanager
def readable_objects() -> Iterator[None]:
    """Make of an object that is no such file a fault of the store: whoever reads waits for its repair, and tells.

    Raises StoreUnavailable where ValueError is raised inside.
    """
    try:
        yield
    except ValueError as error:
        reason = f"the lake has an object that cannot be read, `cinematch lake verify` names it: {error}"
        raise StoreUnavailable(STORE.name, reason) from error


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound(str(error)) from error
    except OSError as error:
        refused = any(sign in str(error) for sign in _NO_ENTRY_SIGNS)
        raise told(STORE, error, access_refused=refused) from error
