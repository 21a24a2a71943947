"""The outbox on a real MongoDB: exactly what lacks somewhere is handed to the relay once more, and old ones go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cinematch.adapters.mongodb_client import SyncDatabase, connect
from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.adapters.mongodb_schema import ensure_outbox_retention
from cinematch.contracts.missing_events import Gap
from cinematch.domain.changes import AddFilm
from cinematch.local_stack.log_file import LogFile
from cinematch.local_stack.mongo_server import MongoServer
from cinematch.local_stack.ports import free_port
from cinematch.local_stack.toolchain import Toolchain
from cinematch.settings import Settings
from tests.integration.security.conftest import running
from tests.lake_stage import wait_until
from tests.micro_batch_stage import FILMS, Stage

pytestmark = pytest.mark.integration

RETENTION_DAYS = 7
PATIENCE_SECONDS = 120.0


class TidyMongo(MongoServer):
    """A mongod that removes what is expired every second, and not every minute."""

    def argv(self) -> Sequence[str | Path]:
        return [*super().argv(), "--setParameter", "ttlMonitorSleepSecs=1"]


@pytest.fixture(scope="module")
def mongo_server(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    """Such a server in place of the usual one, which would take up another number only when its minute is over."""
    folder = tmp_path_factory.mktemp("mongodb")
    yield from running(TidyMongo(toolchain, folder, LogFile(folder / "log"), free_port()))


@pytest.fixture
def stage(mongo_server: MongoServer, settings: Settings) -> Iterator[Stage]:
    """Two users with five events each."""
    with connect(settings) as client:
        stage = Stage(settings, client)
        for user in ("ann", "bob"):
            stage.change(user, *(AddFilm(film, 7.0) for film in FILMS[:5]))
        yield stage


@pytest.fixture
def outbox(stage: Stage) -> Outbox:
    """Their events, all published."""
    stage.outbox.mark_published(list(stage.outbox.unpublished()))
    return stage.outbox


def waiting(outbox: Outbox) -> list[tuple[str, int]]:
    return [(event.user_id, event.sequence) for event in outbox.unpublished()]


def test_exactly_the_gaps_are_published_again_and_once(outbox: Outbox) -> None:
    missing = {"ann": [Gap(2, 2), Gap(4, 9)], "bob": [Gap(1, 1)], "cid": [Gap(1, 3)]}
    assert outbox.publish_again(missing) == 4
    assert waiting(outbox) == [("ann", 2), ("ann", 4), ("ann", 5), ("bob", 1)]
    assert outbox.publish_again(missing) == 0, "what waits already is not counted again"
    outbox.mark_published(list(outbox.unpublished()))
    assert waiting(outbox) == []


def test_nothing_missing_asks_nothing(outbox: Outbox) -> None:
    assert outbox.publish_again({}) == outbox.publish_again({"ann": []}) == 0
    assert waiting(outbox) == []


def test_an_event_leaves_after_its_retention_and_one_that_is_not_published_never(stage: Stage, outbox: Outbox) -> None:
    now, events = datetime.now(UTC), stage.database["outbox"]
    expired, kept = now - timedelta(days=RETENTION_DAYS, minutes=1), now - timedelta(days=RETENTION_DAYS, hours=-1)
    for user, sequence, published_at in (
        *(("ann", 1, expired), ("ann", 2, expired), ("bob", 5, now - timedelta(days=3_650))),
        *(("ann", 3, kept), ("ann", 4, None), ("bob", 1, None)),
    ):
        written = {"event_time": now - timedelta(days=3_650), "published_at": published_at}
        events.update_one({"user_id": user, "sequence": sequence}, {"$set": written})
    ensure_outbox_retention(stage.database, RETENTION_DAYS)
    wait_until(lambda: events.count_documents({}) <= 7, "the removal of what is expired", PATIENCE_SECONDS)
    passes = ttl_passes(stage.database) + 2
    wait_until(lambda: ttl_passes(stage.database) >= passes, "a whole look at what is left", PATIENCE_SECONDS)
    left = {(event["user_id"], event["sequence"]) for event in events.find()}
    assert left == {("ann", 3), ("ann", 4), ("ann", 5), *(("bob", sequence) for sequence in range(1, 5))}
    assert waiting(outbox) == [("ann", 4), ("bob", 1)]


def ttl_passes(database: SyncDatabase) -> int:
    """How often mongod has looked for what is expired."""
    passes: int = database.client.admin.command("serverStatus")["metrics"]["ttl"]["passes"]
    return passes
