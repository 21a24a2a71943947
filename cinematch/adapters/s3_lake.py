"""The lake as other layers read it: which objects to read, and one user's events for a repair."""

from __future__ import annotations

from datetime import datetime
from itertools import takewhile
from typing import Final
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.dataset as ds
from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem

from cinematch.adapters import s3_objects
from cinematch.adapters.s3_lake_folder import LakeFolder
from cinematch.contracts.lake_paths import EVENTS_FOLDER, first_day_needed
from cinematch.contracts.lake_schema import EVENTS_SCHEMA, from_table
from cinematch.domain.events import Event
from cinematch.domain.watchlist import in_sequence
from cinematch.errors import StoreUnavailable
from cinematch.settings import Settings

CONNECT_TIMEOUT_SECONDS: Final = 3
REQUEST_TIMEOUT_SECONDS: Final = 20
ATTEMPTS: Final = 3


class Lake:
    """The events' folder for readers. It is an EventHistory: whatever was published and flushed, it still has."""

    def __init__(self, folder: LakeFolder, files: S3FileSystem) -> None:
        self._folder = folder
        self._files = files

    def uris(self, since: datetime | None = None, scheme: str = "s3a") -> list[str]:
        """Give the objects that hold the events since `since` (and some older ones), as URIs for Spark."""
        return [f"{scheme}://{path}" for path in self._paths(since)]

    def events_after(self, user_id: str, sequence: int, since: datetime | None = None) -> list[Event]:
        """Give the user's events after `sequence`, in order, as far as the lake has them without a gap.

        Row groups that cannot hold the user are skipped by their statistics; `since` leaves out whole days. Raises
        StoreUnavailable.
        """
        found = in_sequence(from_table(self._rows(user_id, sequence, since)))
        due = enumerate(found, start=sequence + 1)
        return [event for _, event in takewhile(lambda pair: pair[0] == pair[1].sequence, due)]

    def _rows(self, user_id: str, sequence: int, since: datetime | None) -> pa.Table:
        wanted = (ds.field("user_id") == user_id) & (ds.field("sequence") > sequence)
        try:
            return self._scan(wanted, since)
        except FileNotFoundError:  # compacted, and removed after its grace, while we were reading: look again
            return self._scan(wanted, since)
        except OSError as error:
            raise StoreUnavailable("s3", str(error)) from error

    def _scan(self, wanted: ds.Expression, since: datetime | None) -> pa.Table:
        paths = self._paths(since)
        if not paths:
            return EVENTS_SCHEMA.empty_table()
        return ds.dataset(paths, schema=EVENTS_SCHEMA, format="parquet", filesystem=self._files).to_table(filter=wanted)

    def _paths(self, since: datetime | None) -> list[str]:
        first_day = first_day_needed(since) if since else None
        return [f"{self._folder.objects.bucket}/{key}" for key in self._folder.view().keys(first_day)]


def connect(settings: Settings) -> Lake:
    """Give the lake of these settings; nothing is sent yet."""
    return Lake(LakeFolder(s3_objects.connect(settings), EVENTS_FOLDER), file_system(settings))


def file_system(settings: Settings) -> S3FileSystem:
    """Give pyarrow's own access to the same object store: it reads single columns and row groups."""
    endpoint = urlsplit(settings.s3_endpoint_url)
    return S3FileSystem(
        access_key=settings.s3_access_key_id.get_secret_value(),
        secret_key=settings.s3_secret_access_key.get_secret_value(),
        region=settings.s3_region,
        scheme=endpoint.scheme,
        endpoint_override=endpoint.netloc,
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        request_timeout=REQUEST_TIMEOUT_SECONDS,
        retry_strategy=AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS),
    )
