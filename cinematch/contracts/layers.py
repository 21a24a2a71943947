"""The layers that an installation may do without, and which of them each STATS_MODE needs."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from cinematch.settings import StatsMode


class Layer(StrEnum):
    """A layer between the event log and the serving layer."""

    MICRO_BATCH = "micro_batch"
    SPEED_LAYER = "speed_layer"
    DATA_LAKE = "data_lake"
    BATCH_LAYER = "batch_layer"


_NEEDED: Final[Mapping[StatsMode, frozenset[Layer]]] = {
    StatsMode.MICRO_BATCH: frozenset({Layer.MICRO_BATCH}),
    StatsMode.CACHE_ASIDE: frozenset({Layer.MICRO_BATCH}),
    StatsMode.INCREMENTAL: frozenset({Layer.MICRO_BATCH, Layer.SPEED_LAYER}),
    StatsMode.LAMBDA: frozenset({Layer.SPEED_LAYER, Layer.DATA_LAKE, Layer.BATCH_LAYER}),
}


def is_needed(layer: Layer, mode: StatsMode) -> bool:
    """Say whether answers of GET /stats are made of what this layer computes."""
    return layer in _NEEDED[mode]
