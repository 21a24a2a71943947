"""What executors on other machines get."""

import zipfile
from pathlib import Path

import pytest

from cinematch.spark.package_archive import write_package_archive


def test_the_archive_holds_each_package_under_its_own_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(write_package_archive(["cinematch", "micro_batch"], tmp_path / "ours.zip")) as archive:
        names = set(archive.namelist())
    assert {"cinematch/__init__.py", "cinematch/domain/events.py", "micro_batch/__init__.py"} <= names
    assert "cinematch/adapters/lua/apply.lua" in names
    assert all(name.endswith((".py", ".lua")) for name in names)


def test_a_package_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_layer"):
        write_package_archive(["no_such_layer"], tmp_path / "ours.zip")
