"""A batch layer on real servers for tests: its stores, a way to run it, and what it must have computed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import bson
from pymongo import MongoClient, ReplaceOne
from pyspark.sql import SparkSession

from batch_layer.batch_run import run_batch
from batch_layer.exclusion import LEASE_NAME
from batch_layer.job import build
from batch_layer.publication import Stores, publish, rollback_target
from cinematch.adapters.mongodb_lease import MongoLease
from cinematch.contracts.batch_document import batch_document
from cinematch.contracts.catalog_document import catalog_document
from cinematch.contracts.collections import CATALOG, USER_STATS_BATCH
from cinematch.contracts.exclusion import new_owner
from cinematch.contracts.generations import Generation, list_chunks
from cinematch.domain.events import Event
from cinematch.domain.summary import summarise
from cinematch.domain.watchlist import Film, replay
from cinematch.settings import Settings

Document = dict[str, Any]
VARYING = ("generation", "updated_at")


@dataclass
class BatchLayer:
    """The real batch layer over real stores; Spark is started by the first run in this process."""

    settings: Settings
    start_spark: Callable[[], SparkSession]
    client: MongoClient[Document]
    stores: Stores

    def run(self, *, full: bool = False, from_lists: bool = False, as_of: datetime | None = None) -> Generation:
        """Do what `cinematch batch run` does, in this process."""
        job = partial(build, self.start_spark(), self.settings)
        lease, settings = self.lease(), self.settings
        return run_batch(self.stores, lease, settings, job, full=full, from_lists=from_lists, as_of=as_of)

    def rollback(self, number: int | None = None) -> Generation:
        """Do what `cinematch batch rollback` does, in this process."""
        target = rollback_target(self.stores.generations, number)
        publish(self.stores, target.number, lambda: None)
        return target

    def lease(self) -> MongoLease:
        """Give the lease as a new owner."""
        return MongoLease(self.database, LEASE_NAME, new_owner(), self.settings.batch_lease_seconds)

    @property
    def database(self) -> Any:
        """Give the test's database."""
        return self.client[self.settings.mongodb_database]

    def catalog(self, films: Iterable[Film]) -> None:
        """Put films into the catalog."""
        documents = [catalog_document(film) for film in films]
        self.database[CATALOG].bulk_write(
            [ReplaceOne({"_id": document["_id"]}, document, upsert=True) for document in documents], ordered=False
        )

    def published(self) -> dict[str, bytes]:
        """Give the batch view by user, as bytes, without what differs between two equal generations."""
        return {document["_id"]: canonical(document) for document in self.database[USER_STATS_BATCH].find()}

    def lists(self, number: int) -> dict[tuple[str, int], bytes]:
        """Give the whole lists of a generation by user and chunk, as bytes."""
        chunks = self.database[f"user_movies_batch_g{number:06d}"].find()
        return {(chunk["user_id"], chunk["chunk"]): bson.encode(chunk) for chunk in chunks}


def canonical(document: Document) -> bytes:
    """Give a batch document as bytes, without what differs between two equal generations."""
    return bson.encode({name: value for name, value in document.items() if name not in VARYING})


def expected(logs: Mapping[str, list[Event]], films: Mapping[str, Film]) -> dict[str, bytes]:
    """Give the batch view by definition: the pure functions over each user's log."""
    lists = {user_id: replay(log) for user_id, log in logs.items() if log}
    now = datetime.now(UTC)
    return {user: canonical(batch_document(user, summarise(whole, films), 0, now)) for user, whole in lists.items()}


def expected_lists(logs: Mapping[str, list[Event]]) -> dict[tuple[str, int], bytes]:
    """Give the whole lists by definition."""
    chunks = (chunk for user_id, log in logs.items() for chunk in list_chunks(user_id, replay(log)))
    return {(chunk["user_id"], chunk["chunk"]): bson.encode(chunk) for chunk in chunks}
