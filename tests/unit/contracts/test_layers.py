"""Which layers an installation needs: those whose results the answers of its STATS_MODE are made of."""

from __future__ import annotations

import pytest

from cinematch.contracts.layers import Layer, is_needed
from cinematch.settings import StatsMode


@pytest.mark.parametrize("mode", StatsMode)
def test_every_mode_needs_some_layer(mode: StatsMode) -> None:
    assert any(is_needed(layer, mode) for layer in Layer)


def test_the_lambda_path_needs_no_micro_batch_and_the_micro_batch_design_needs_nothing_else() -> None:
    assert [layer for layer in Layer if is_needed(layer, StatsMode.MICRO_BATCH)] == [Layer.MICRO_BATCH]
    assert Layer.MICRO_BATCH not in [layer for layer in Layer if is_needed(layer, StatsMode.LAMBDA)]
