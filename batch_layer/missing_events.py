"""Holes of the lake: what lacks in it although later events of the user are there is sent once more by the relay.

Speed layer and trends fill such a hole from the outbox by themselves; lake and batch read Kafka alone. So the outbox is
asked to publish exactly these events again while it still has them: they come through Kafka into the lake, and the next
run goes on with the user. Whoever has them already knows them by their sequence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from batch_layer.publication import Stores
from cinematch.contracts.missing_events import Gap
from cinematch.telemetry import get_logger

PAGE_USERS: Final = 1_000
SENT_AGAIN_AT_MOST: Final = 100_000
"""Events of one run, give or take a page: a burst that every layer follows within minutes."""
_log = get_logger(__name__)


def send_again(stores: Stores, missing: Mapping[str, Sequence[Gap]]) -> int:
    """Have the outbox publish these gaps again, as far as it still has them; give how many events.

    What an erasure has buried is not asked for. Raises StoreUnavailable.
    """
    sent, users = 0, sorted(missing)
    for start in range(0, len(users), PAGE_USERS):
        if sent >= SENT_AGAIN_AT_MOST:
            break
        page = users[start : start + PAGE_USERS]
        floors = stores.floors.floors(page)
        sent += stores.outbox.publish_again({it: _behind(floors.get(it, 0), missing[it]) for it in page})
    if missing:
        _log.warning("events that lack in the lake are sent again", users=len(missing), events=sent)
    return sent


def _behind(floor: int, gaps: Sequence[Gap]) -> list[Gap]:
    return [Gap(max(gap.first, floor + 1), gap.last) for gap in gaps if gap.last > floor]
