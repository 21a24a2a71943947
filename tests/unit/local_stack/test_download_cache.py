"""Cache entries are whole or absent, and filled once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from cinematch.local_stack.download_cache import DownloadCache


def write(folder: Path) -> None:
    (folder / "file").write_text("content")


class CountedFill:
    """Fills an entry and counts how often it was asked to."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, folder: Path) -> None:
        self.calls += 1
        write(folder)


def test_an_entry_is_filled_once(tmp_path: Path) -> None:
    fill, cache = CountedFill(), DownloadCache(tmp_path)
    for _ in range(2):
        assert (cache.get("tool-1", fill) / "file").exists()
    assert fill.calls == 1
    assert cache.has("tool-1")


def test_another_version_is_another_entry(tmp_path: Path) -> None:
    cache = DownloadCache(tmp_path)
    assert cache.get("tool-1", write) != cache.get("tool-2", write)


def test_an_interrupted_fill_leaves_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        write(folder)
        raise KeyboardInterrupt

    cache = DownloadCache(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        cache.get("tool-1", fail)
    assert not cache.has("tool-1")
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []
    assert (cache.get("tool-1", write) / "file").read_text() == "content"


def test_two_at_once_fill_it_once(tmp_path: Path) -> None:
    together, fill = Barrier(4), CountedFill()

    def get(_: int) -> Path:
        together.wait()
        return DownloadCache(tmp_path).get("tool-1", fill)

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(get, range(4)))) == 1
    assert fill.calls == 1
