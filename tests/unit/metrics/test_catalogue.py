"""The list of metrics: sound names, each told once, and the page that documents them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cinematch.local_stack.layers import LAYERS
from cinematch.metrics.catalogue import METRICS, OUTBOX_EVENTS
from cinematch.metrics.documentation import table
from cinematch.metrics.instruments import counter
from cinematch.metrics.metric import Kind, Metric, Unit

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"


def test_names_are_unique_and_in_the_form_that_prometheus_wants() -> None:
    names = [metric.name for metric in METRICS]
    assert len(names) == len(set(names)) >= 20
    assert all(re.fullmatch(r"cinematch_[a-z]+(_[a-z]+)*", name) for name in names)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_each_is_told_by_layers_that_exist_and_has_a_unit_that_its_name_does_not_deny(metric: Metric) -> None:
    assert metric.layers
    assert set(metric.layers) <= {spec.name for spec in LAYERS}
    if metric.name.removesuffix("_total").endswith("_seconds"):
        assert metric.unit in (Unit.SECONDS, Unit.TIME)
    assert list(metric.buckets) == sorted(metric.buckets)


def test_the_page_has_exactly_the_table_of_the_list() -> None:
    """After a change: `python -m cinematch.metrics.documentation docs/metrics.md`."""
    assert table() in PAGE.read_text()


def test_a_metric_that_breaks_the_conventions_is_refused() -> None:
    with pytest.raises(ValueError, match="_total"):
        Metric("cinematch_events", Kind.COUNTER, Unit.EVENTS, "", ("api",))
    with pytest.raises(ValueError, match="begin"):
        Metric("events_total", Kind.COUNTER, Unit.EVENTS, "", ("api",))
    with pytest.raises(ValueError, match="buckets"):
        Metric("cinematch_seconds", Kind.HISTOGRAM, Unit.SECONDS, "", ("api",))


def test_an_instrument_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="is a gauge"):
        counter(OUTBOX_EVENTS)
