"""Each layer does its whole work as its own user, on real servers that let nobody do more than the table says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from cinematch.adapters import mongodb_client, s3_objects
from cinematch.adapters.kafka_log import RecordPublisher
from cinematch.adapters.mongodb_client import SyncDatabase
from cinematch.adapters.s3_lake_folder import LakeFolder
from cinematch.contracts import collections as names
from cinematch.contracts.lake_paths import EVENTS_FOLDER
from cinematch.local_stack.ports import LOOPBACK, free_port
from cinematch.settings import StatsMode
from tests.lake_stage import wait_until
from tests.layer_users import LayerUsers

pytestmark = [pytest.mark.integration, pytest.mark.spark]
PATIENCE_SECONDS = 180.0
FLUSH_SECONDS = 0.3
PANELS = ("ingestion", "micro-batch", "speed", "lake", "generations", "audit", "dead-letters")


@dataclass(frozen=True)
class Running:
    """API, relay and lake sink, each as itself; `database` is the administrator's look at what they do."""

    users: LayerUsers
    api: httpx.Client
    database: SyncDatabase
    spark: dict[str, Any]

    def add(self, user_id: str) -> None:
        """Add three films to a user's list, as a client does."""
        for film in self.database[names.CATALOG].find(limit=3):
            wanted = {"user_id": user_id, "movie_id": film["_id"], "rating": 7.5}
            headers = {"Idempotency-Key": f"{user_id}-{film['_id']}"}
            answered(self.api.post("/v1/movies", json=wanted, headers=headers))

    def get(self, path: str, **parameters: Any) -> Any:
        """Ask the API."""
        return answered(self.api.get(path, params=parameters))

    def issued(self) -> dict[str, int]:
        """Give the last sequence of every user."""
        return {it["_id"]: it["sequence"] for it in self.database[names.USER_SEQUENCES].find()}

    def await_lake(self) -> None:
        """Wait until the lake has every event that was issued, and the record that is none."""
        lake = LakeFolder(s3_objects.connect(self.users.settings("data-lake")), EVENTS_FOLDER)

        def stored() -> int:
            return sum(it.next_offset for it in lake.last_links().values())

        wait_until(lambda: stored() > sum(self.issued().values()), "the lake", PATIENCE_SECONDS)

    def await_letter(self, layer: str) -> None:
        """Wait until the layer's letter of that record is there."""

        def layers() -> set[str]:
            return {name for it in self.get("/v1/operator/dead-letters")["letters"] for name in it["layers"]}

        wait_until(lambda: layer in layers(), f"the letter of {layer}", PATIENCE_SECONDS)


def answered(answer: httpx.Response) -> Any:
    """Give what a good answer says."""
    assert answer.is_success, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def running(layer_users: LayerUsers, spark_jars: Path) -> Iterator[Running]:
    port = free_port()
    serving = {
        "api_host": LOOPBACK,
        "api_port": port,
        "stats_mode": StatsMode.LAMBDA,
        "rate_limit_address_per_minute": 100_000,
        "min_sequence_wait_seconds": 15.0,
    }
    spark = {"spark_jars_dir": spark_jars, "spark_driver_memory": "512m", "spark_ui_port": 0}
    administrator = layer_users.administrator
    with (
        mongodb_client.connect(administrator) as client,
        closing(RecordPublisher(administrator.kafka)) as publisher,
        layer_users.running("relay"),
        layer_users.running("data-lake", lake_flush_seconds=FLUSH_SECONDS),
        layer_users.running("api", **serving),
        httpx.Client(base_url=f"http://{LOOPBACK}:{port}", timeout=60.0, trust_env=False) as api,
    ):
        layer_users.run("api", "seed", "--users", "6", "--events", "60")
        publisher.publish(administrator.events_topic, b"nobody", b"no event")
        system = Running(layer_users, api, client[administrator.mongodb_database], spark)
        system.add("ann")
        yield system


def test_the_relay_publishes_and_the_sink_stores(running: Running) -> None:
    outbox = running.database[names.OUTBOX]
    wait_until(lambda: not outbox.count_documents({"published_at": None}), "the relay", PATIENCE_SECONDS)
    assert running.database[names.OUTBOX_RELAY].count_documents({}) == 1
    running.await_lake()
    running.await_letter("data_lake")
