"""How the nightly batch is, read from MongoDB with a few small queries (see contracts/batch_status.py)."""

from __future__ import annotations

from datetime import UTC, datetime

from pymongo import DESCENDING

from cinematch.adapters.mongodb_client import AsynchronousDatabase, translated
from cinematch.adapters.mongodb_generations import PUBLISHED_VIEW, published_number, read_record
from cinematch.adapters.mongodb_lease import HELD
from cinematch.contracts.batch_status import BATCH_LEASE, BatchStatus, batch_status
from cinematch.contracts.collections import BATCH_GENERATIONS, LEASES


async def read_batch_status(database: AsynchronousDatabase, max_age_seconds: float) -> BatchStatus:
    """Look at the published and the newest generation, and at who holds the lease. Raises StoreUnavailable."""
    records = database[BATCH_GENERATIONS]
    with translated():
        target = published_number([view async for view in await database.list_collections(filter=PUBLISHED_VIEW)])
        published = None if target is None else await records.find_one({"_id": target})
        newest = await records.find_one(sort=[("_id", DESCENDING)])
        lease = await database[LEASES].find_one({"_id": BATCH_LEASE, **HELD})
    return batch_status(
        read_record(published, target) if published else None,
        read_record(newest, target) if newest else None,
        lease["owner"] if lease else None,
        datetime.now(UTC),
        max_age_seconds,
    )
