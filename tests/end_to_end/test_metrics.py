"""Every layer of the running stack tells its metrics, and they move with an event."""

from __future__ import annotations

import secrets

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.end_to_end.running_stack import RunningStack, eventually

pytestmark = pytest.mark.end_to_end

MOVED = {
    "api": "cinematch_events_accepted_total",
    "relay": "cinematch_relayed_events_total",
    "micro_batch": "cinematch_stream_rows_total",
    "speed_layer": "cinematch_speed_events_total",
    "data_lake": "cinematch_lake_flush_rows_sum",
}
TOLD = {
    "api": "http_requests_total",
    "relay": "cinematch_outbox_lag_events",
    "micro_batch": "cinematch_stream_lag_events",
    "speed_layer": "cinematch_stream_running",
    "data_lake": "cinematch_view_lag_events",
    "scheduler": "cinematch_store_seconds_count",
}


def figures(stack: RunningStack) -> dict[str, dict[str, float]]:
    """The sum of each metric's samples, by layer."""
    pages = {name: layer["metrics"] for name, layer in stack.status()["layers"].items()}
    return {name: sums(httpx.get(page, trust_env=False, timeout=30).text) for name, page in pages.items()}


def sums(page: str) -> dict[str, float]:
    """The sum of each metric's samples."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0.0) + sample.value
    return found


def test_every_layer_tells_its_metrics_and_an_event_moves_them(stack: RunningStack) -> None:
    before = figures(stack)
    with stack.api() as client:
        stack.post_until_acknowledged(
            client, {"user_id": f"measured-{secrets.token_hex(4)}", "movie_id": "f1", "rating": 8}
        )

    def moved() -> bool:
        now = figures(stack)
        told = all(name in now[layer] for layer, name in TOLD.items())
        return told and all(now[layer].get(name, 0.0) > before[layer].get(name, 0.0) for layer, name in MOVED.items())

    eventually(moved, "each figure has moved", seconds=90)
