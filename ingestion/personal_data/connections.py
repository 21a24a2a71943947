"""Connects to what erasing and exporting work with: for the commands and for the API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Final

from cinematch.adapters import mongodb_client, redis_client, s3_lake
from cinematch.adapters.mongodb_client import SyncDatabase
from cinematch.adapters.mongodb_erasures import Erasures
from cinematch.adapters.mongodb_lease import MongoLease
from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.adapters.mongodb_personal_data import PersonalData
from cinematch.adapters.mongodb_schema import ensure_schema
from cinematch.adapters.mongodb_watchlists import Watchlists
from cinematch.adapters.redis_speed_view import RedisSpeedView
from cinematch.contracts.exclusion import new_owner
from cinematch.settings import Settings
from ingestion.personal_data.erasing import Erasing, installed_erasers
from ingestion.personal_data.export import Export, Sources

LEASE_NAME: Final = "erasures"
LEASE_SECONDS: Final = 60.0
"""How long a process that was killed keeps the others from going on with erasures."""


@dataclass(frozen=True, slots=True)
class PersonalDataStores:
    """What the commands and routes use; `steps` names what an erasure consists of."""

    erasing: Erasing
    tombstones: Erasures
    export: Export
    steps: list[str]


@contextmanager
def connected(settings: Settings) -> Iterator[PersonalDataStores]:
    """Give them; other stores than MongoDB are not spoken to before use."""
    with mongodb_client.connect(settings) as client:
        database = client[settings.mongodb_database]
        ensure_schema(database)
        tombstones, makers = Erasures(database), installed_erasers(settings)

        def new_lease() -> MongoLease:
            return MongoLease(database, LEASE_NAME, new_owner(), LEASE_SECONDS)

        yield PersonalDataStores(
            Erasing(Watchlists(database), tombstones, makers, new_lease),
            tombstones,
            Export(_sources(settings, database)),
            list(makers),
        )


def _sources(settings: Settings, database: SyncDatabase) -> Sources:
    @cache
    def speed_view() -> RedisSpeedView:
        return RedisSpeedView(redis_client.connect(settings), settings.speed_idle_expiry_seconds)

    outbox, lake = Outbox(database), s3_lake.connect(settings)
    return Sources(
        PersonalData(database),
        [outbox, lake] if settings.lake_in_use else [outbox],
        s3_lake.connect_letters(settings).under if settings.lake_in_use else lambda _: [],
        lambda user_id: speed_view().read(user_id),
    )
