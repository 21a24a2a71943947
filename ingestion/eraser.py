"""Erasure in the outbox: a user's events go, once Kafka has them and the trends have counted them."""

from __future__ import annotations

from typing import Final

from cinematch.adapters.mongodb_client import connect
from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.contracts.collections import OUTBOX
from cinematch.contracts.erasure import Erasure, Removed
from cinematch.settings import Settings

COUNTED_BY: Final = "micro_batch"
WAITS_FOR_TRENDS: Final = "the trends: not all events are counted"
WAITS_FOR_RELAY: Final = "the relay: not all events are in Kafka"


class OutboxEraser:
    """Removes a user's events up to the floor from the outbox."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def erase(self, erasure: Erasure) -> Removed:
        """Remove them; see `Eraser`."""
        if not erasure.is_done(COUNTED_BY):
            return Removed({}, WAITS_FOR_TRENDS)
        removed, left = self._outbox.forget(erasure.subject, erasure.floor)
        return Removed({OUTBOX: removed}, WAITS_FOR_RELAY if left else None)


def eraser(settings: Settings) -> OutboxEraser:
    """Give the eraser of this layer (entry point `cinematch.erasers`)."""
    return OutboxEraser(Outbox(connect(settings)[settings.mongodb_database]))
