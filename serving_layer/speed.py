"""One look at the speed view that never fails: Redis being down is an answer, too."""

from __future__ import annotations

from typing import NamedTuple

from cinematch.contracts.speed_view import SpeedSnapshot
from cinematch.errors import StoreUnavailable
from cinematch.telemetry import get_logger
from serving_layer.stores import SpeedReader

_log = get_logger(__name__)


class SpeedRead(NamedTuple):
    """The snapshot (None: the user has no keys), and whether Redis answered at all."""

    snapshot: SpeedSnapshot | None
    readable: bool


async def read_speed(speed: SpeedReader, user_id: str) -> SpeedRead:
    """Read one user's snapshot; without Redis there is none, and it says so."""
    try:
        return SpeedRead(await speed.read(user_id), readable=True)
    except StoreUnavailable as error:
        _log.warning("the speed view cannot be read", detail=error.detail)
        return SpeedRead(None, readable=False)
