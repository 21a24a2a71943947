"""One look at the speed view that never fails: Redis being down is an answer, too, and so is a view that is damaged."""

from __future__ import annotations

from typing import NamedTuple

from cinematch.contracts.speed_view import SpeedSnapshot
from cinematch.errors import DamagedView, StoreUnavailable
from cinematch.telemetry import get_logger
from serving_layer.stores import SpeedReader

_log = get_logger(__name__)


class SpeedRead(NamedTuple):
    """The snapshot (None: the user has no keys), whether Redis answered at all, and whether the keys made no sense."""

    snapshot: SpeedSnapshot | None
    readable: bool
    damaged: bool = False

    def lacks_events(self, boundary: int, latest: int) -> bool:
        """Say whether what is damaged would have been needed: events were issued after the boundary."""
        return self.damaged and latest > boundary


async def read_speed(speed: SpeedReader, user_id: str) -> SpeedRead:
    """Read one user's snapshot; without Redis there is none, and it says so."""
    try:
        return SpeedRead(await speed.read(user_id), readable=True)
    except DamagedView as error:
        _log.warning("the speed view is damaged", user_id=user_id, detail=error.detail)
        return SpeedRead(None, readable=True, damaged=True)
    except StoreUnavailable as error:
        _log.warning("the speed view cannot be read", detail=error.detail)
        return SpeedRead(None, readable=False)
