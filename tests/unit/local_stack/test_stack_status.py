"""What status tells, also of a stack whose supervisor is gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from cinematch.errors import Conflict
from cinematch.local_stack.control import running_environment
from cinematch.local_stack.data_folder import DataFolder
from cinematch.local_stack.private_file import write_private
from cinematch.local_stack.stack_status import ServiceStatus, StackStatus, current_status, stored_status, write_status

RUNNING = StackStatus(
    phase="running",
    pid=2**22 + 1,  # above the system's largest process id
    addresses={"api": "http://127.0.0.1:8000"},
    notes=("a note",),
    servers={"redis": ServiceStatus("running", 7)},
    layers={"api": ServiceStatus("failed", None, "starts again after 0.5 s", 3, "boom")},
)


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data")


def test_a_stored_status_comes_back_whole(folder: DataFolder) -> None:
    write_status(folder, RUNNING)
    assert stored_status(folder) == RUNNING


def test_a_status_whose_supervisor_is_gone_is_stopped(folder: DataFolder) -> None:
    write_status(folder, RUNNING)
    current = current_status(folder)
    assert current.phase == "stopped"
    assert {status.state for status in current.services().values()} == {"stopped"}
    assert current.as_json()["api"] is None


def test_a_folder_without_a_stack_is_stopped(folder: DataFolder) -> None:
    assert current_status(folder) == StackStatus("stopped")


def test_the_document_has_addresses_at_its_top_and_the_state_of_each_layer() -> None:
    document = RUNNING.as_json()
    assert document["api"] == "http://127.0.0.1:8000"
    assert document["kafka"] is None
    assert document["layers"]["api"]["state"] == "failed"
    assert document["servers"]["redis"]["pid"] == 7


def test_a_held_folder_has_no_second_holder(folder: DataFolder) -> None:
    with folder.held(), pytest.raises(Conflict, match="already"), folder.held():
        pass


def test_a_folder_is_held_as_long_as_its_holder_holds_it(folder: DataFolder) -> None:
    seen = [folder.is_held]
    with folder.held():
        seen.append(folder.is_held)
    seen.append(folder.is_held)
    assert seen == [False, True, False]


def test_a_held_folder_is_not_wiped(folder: DataFolder) -> None:
    with folder.held(), pytest.raises(Conflict):
        folder.wipe()


def test_wiping_leaves_files_that_are_not_ours(folder: DataFolder) -> None:
    write_status(folder, RUNNING)
    folder.checkpoints.mkdir()
    own = folder.path / "thesis.tex"
    own.touch()
    folder.wipe()
    assert own.exists()
    assert not folder.checkpoints.exists()
    assert stored_status(folder) is None


def test_a_stopped_stack_lends_no_environment(folder: DataFolder) -> None:
    write_private(folder.environment_file, '{"REDIS_URL": "redis://127.0.0.1:6379"}')
    assert running_environment(folder) == {}
    with folder.held():
        assert running_environment(folder) == {"REDIS_URL": "redis://127.0.0.1:6379"}
