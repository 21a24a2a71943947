"""What the API counts of its answers to GET /stats.

The dashboard's pages are not counted: each open one looks every few seconds, and would outvote those who ask.
"""

from __future__ import annotations

from typing import Final

from cinematch.metrics.catalogue import ANSWERS, MERGES
from cinematch.metrics.instruments import counter
from cinematch.settings import StatsMode
from serving_layer.answer import UserView
from serving_layer.lambda_mode import MEETINGS

_ANSWERS: Final = {
    (mode, lacks): counter(ANSWERS).labels(mode.value, lacks)
    for mode in StatsMode
    for lacks in ("complete", "events_missing", "view_unreadable")
}
_MERGES: Final = {met: counter(MERGES).labels(met) for met in MEETINGS}


def count_answer(view: UserView) -> None:
    """Count an answer by what it lacks, and in mode `lambda` by how the two views met."""
    covers = view.freshness
    missing = covers.applied_sequence < covers.latest_sequence
    lacks = "complete" if covers.complete else "events_missing" if missing else "view_unreadable"
    _ANSWERS[covers.mode, lacks].inc()
    if view.met is not None:
        _MERGES[view.met].inc()
