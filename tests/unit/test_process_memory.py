"""What a Python worker keeps out of garbage collections."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

import pytest

from cinematch.process_memory import keep_what_is_loaded, without_collections


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    keep_what_is_loaded.cache_clear()
    yield
    gc.unfreeze()
    keep_what_is_loaded.cache_clear()


def test_the_first_task_keeps_what_is_loaded_and_later_ones_keep_nothing_more() -> None:
    before = gc.get_freeze_count()
    keep_what_is_loaded()
    kept = gc.get_freeze_count()
    assert kept > before
    made_later = [[number] for number in range(100)]
    keep_what_is_loaded()
    assert gc.get_freeze_count() <= kept, made_later


def test_collections_are_as_before_after_a_block_that_makes_none() -> None:
    with without_collections(), without_collections():
        assert not gc.isenabled()
    assert gc.isenabled()
    with contextlib.suppress(ValueError), without_collections():
        raise ValueError
    assert gc.isenabled()
