"""`cinematch batch list | show | rollback`, and what `run` says before it begins, on real stores and without Spark."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import orjson
import pytest
from typer.testing import CliRunner, Result

from batch_layer.batch_run import run_batch
from batch_layer.commands import batch
from batch_layer.publication import Stores
from cinematch.adapters.mongodb_client import SyncClient
from cinematch.adapters.mongodb_lease import MongoLease
from cinematch.contracts.collections import OUTBOX
from cinematch.contracts.event_codec import to_document
from cinematch.domain.watchlist import replay
from cinematch.errors import Conflict, NotFound
from cinematch.settings import Settings
from tests.environments import environment_of
from tests.histories import add
from tests.twins.memory_batch import MemoryBatchJob, MemoryLake, MemoryStates
from tests.twins.memory_lease import MemoryLease

pytestmark = pytest.mark.integration

Command = Callable[..., Result]


@pytest.fixture
def command(stores: Stores, batch_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run `cinematch batch ...` in this process; our errors come out as they are."""
    monkeypatch.setattr("batch_layer.commands.configure_logging", lambda *_, **__: None)  # the process is not its own

    def run(*arguments: str) -> Result:
        result = CliRunner().invoke(batch, arguments, env=environment_of(batch_settings))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture
def two_generations(stores: Stores, batch_settings: Settings) -> None:
    """Two runs: ann's first event, then her second one."""
    lake, states = MemoryLake(), MemoryStates()
    job = MemoryBatchJob(stores.generations, states, lake, {})
    for number in (1, 2):
        lake.events.append(add(number, f"m{number}", 7, "ann"))
        run_batch(replace(stores, states=states), MemoryLease("test"), batch_settings, job)


@pytest.mark.usefixtures("two_generations")
class TestGenerations:
    def test_are_listed_newest_first(self, command: Command) -> None:
        lines = [line for line in command("list").stdout.splitlines() if "2026-01-01" in line]
        assert [line.replace("│", " ").split()[:3] for line in lines] == [
            ["2", "published", "1"],
            ["1", "ready", "all"],
        ]

    def test_are_listed_as_json(self, command: Command) -> None:
        rows = orjson.loads(command("list", "--json").stdout)
        assert [(row["number"], row["state"], row["users"], row["films"], row["events"]) for row in rows] == [
            (2, "published", 1, 2, 1),
            (1, "ready", 1, 1, 1),
        ]

    def test_are_shown_one_by_one(self, command: Command) -> None:
        assert orjson.loads(command("show", "--json").stdout)["number"] == 2
        assert "replaced_at" in command("show", "1").stdout

    def test_are_gone_back_to_and_the_speed_view_gets_the_difference(
        self, command: Command, stores: Stores, client: SyncClient, batch_settings: Settings
    ) -> None:
        later = [add(2, "m2", 7, "ann"), add(3, "m3", 8, "ann")]
        stores.speed_view.apply({"ann": later[1:]})
        outbox = client[batch_settings.mongodb_database][OUTBOX]
        outbox.insert_many([{"_id": event.event_id, **to_document(event)} for event in later])
        assert command("rollback").stdout.endswith("Generation 1 is published again.\n")
        assert orjson.loads(command("show", "--json").stdout)["number"] == 1
        snapshot = stores.speed_view.read("ann")
        assert snapshot is not None
        assert (snapshot.base_sequence, list(snapshot.tail)) == (1, later)

    def test_are_not_gone_back_to_without_the_events_between(self, command: Command, stores: Stores) -> None:
        with pytest.raises(Conflict, match="event 2 is neither in the outbox nor in the lake"):
            command("rollback")
        published = stores.generations.published()
        assert published is not None
        assert published.number == 2


def test_a_run_that_was_killed_is_abandoned_once_its_lease_has_ended(
    command: Command, stores: Stores, lease: MongoLease
) -> None:
    assert lease.acquire()
    stores.generations.create(lease.owner, datetime.now(UTC), None, None)

    def state() -> tuple[str, str]:
        (row,) = orjson.loads(command("list", "--json").stdout)
        return row["state"], orjson.loads(command("show", "1", "--json").stdout)["state"]

    assert state() == ("building", "building")
    lease.release()
    assert state() == ("abandoned", "abandoned")


def test_an_unknown_generation_is_not_found(command: Command) -> None:
    with pytest.raises(NotFound, match="there is no generation 9"):
        command("show", "9")
    with pytest.raises(NotFound, match="no generation is published yet: `cinematch batch run` makes one"):
        command("show")
    with pytest.raises(NotFound, match="there is no earlier generation to go back to"):
        command("rollback")


def test_a_run_beside_another_is_refused(command: Command, stores: Stores, lease: MongoLease) -> None:
    assert lease.acquire()
    for arguments in (["run"], ["rollback"]):
        with pytest.raises(Conflict, match=f"another batch run is at work \\({lease.owner}\\)"):
            command(*arguments)
    assert stores.generations.all() == []


@pytest.mark.parametrize("other", [["--full"], ["--as-of", "2026-01-19"], ["--full", "--as-of", "2026-01-19"]])
def test_lists_go_with_no_other_beginning(command: Command, stores: Stores, other: list[str]) -> None:
    refused = command("run", "--from-lists", *other)
    assert refused.exit_code == 2
    assert "goes with neither --full nor --as-of" in " ".join(refused.stderr.replace("│", " ").split())
    assert stores.generations.all() == []


def test_a_generation_from_the_lists_says_so(command: Command, stores: Stores, batch_settings: Settings) -> None:
    states = MemoryStates()
    job = MemoryBatchJob(stores.generations, states, MemoryLake(), {}, lists={"ann": replay([add(1, "m1", 7, "ann")])})
    run_batch(replace(stores, states=states), MemoryLease("test"), batch_settings, job, from_lists=True)
    (line,) = [line for line in command("list").stdout.splitlines() if "published" in line and "1" in line]
    assert line.replace("│", " ").split()[:3] == ["1", "published", "lists"]
    assert orjson.loads(command("show", "--json").stdout)["from_lists"] is True


def test_a_time_that_is_none_is_refused(command: Command) -> None:
    refused = command("run", "--as-of", "yesterday")
    assert refused.exit_code == 2
    assert "'yesterday' is no ISO 8601 time" in refused.stderr
