"""Spans of sampled traces: collected with their parents and their failures; without a collector there are none."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest

from cinematch.adapters.otlp_spans import export_spans
from cinematch.settings import Settings
from cinematch.spans import Span, begin, collect_spans, first_span, first_trace, span
from cinematch.telemetry import configure_logging
from cinematch.tracing import Trace, current_trace, within
from tests.otlp_collector import collecting
from tests.speed_stage import reached

SAMPLED = Trace("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", sampled=True)


@pytest.fixture
def collected() -> Iterator[list[Span]]:
    found: list[Span] = []
    collect_spans(found.append)
    yield found
    collect_spans(None)


def test_a_step_within_a_step_has_it_as_its_parent(collected: list[Span]) -> None:
    with first_span("request", SAMPLED, "00f067aa0ba902b7", method="POST"), span("transaction"):
        begun = begin("publish", current_trace(), {"topic": "t"})
        assert begun is not None
        begun.end()
    assert current_trace() is None
    assert [it.name for it in collected] == ["publish", "transaction", "request"]
    publish, transaction, request = collected
    assert (request.trace, request.parent_id, request.attributes) == (SAMPLED, "00f067aa0ba902b7", {"method": "POST"})
    assert (transaction.parent_id, publish.parent_id) == (SAMPLED.span_id, transaction.trace.span_id)
    assert {it.trace.trace_id for it in collected} == {SAMPLED.trace_id}
    assert all(it.began_ns <= it.ended_ns and not it.failed for it in collected)


def test_what_fails_is_told_as_failed_and_goes_on_failing(collected: list[Span]) -> None:
    with pytest.raises(ValueError, match="on purpose"), first_span("request", SAMPLED), span("merge"):
        raise ValueError("on purpose")
    assert [(it.name, it.failed) for it in collected] == [("merge", True), ("request", True)]


def test_a_trace_that_is_not_sampled_leaves_no_span(collected: list[Span]) -> None:
    silent = Trace.begun()
    with first_span("request", silent), span("transaction"):
        assert current_trace() == silent
        assert begin("publish", current_trace(), {}) is None
    with span("outside of any request"):
        assert current_trace() is None
    assert collected == []


def test_without_a_collector_nothing_is_sampled_and_the_trace_is_as_it_was() -> None:
    assert not any(first_trace().sampled for _ in range(50))
    with first_span("request", SAMPLED), span("transaction"):
        assert current_trace() == SAMPLED
    assert begin("publish", SAMPLED, {}) is None


@pytest.mark.parametrize(("ratio", "least", "most"), [(0.0, 0, 0), (0.5, 50, 350), (1.0, 400, 400)])
def test_a_share_of_the_traces_that_begin_here_is_sampled(ratio: float, least: int, most: int) -> None:
    collect_spans(lambda _: None, ratio)
    try:
        assert least <= sum(first_trace().sampled for _ in range(400)) <= most
    finally:
        collect_spans(None)


def test_spans_arrive_at_a_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    with collecting() as collector:
        settings = Settings.model_validate({"otel_exporter_otlp_endpoint": collector.address})
        export_spans(settings, "test")
        try:
            with pytest.raises(KeyError), first_span("batch run", SAMPLED), span("compute"):
                raise KeyError
            reached(lambda: len(collector.spans(SAMPLED.trace_id)) == 2, 20)
        finally:
            collect_spans(None)
    found = collector.spans(SAMPLED.trace_id)
    assert (found["batch run"].parent_id, found["compute"].parent_id) == ("", SAMPLED.span_id)
    assert {it.service for it in found.values()} == {"cinematch-test"}
    assert all(it.failed for it in found.values())


def test_without_the_extra_it_says_so_and_nothing_else_happens(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in [name for name in sys.modules if name.startswith("opentelemetry.exporter")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter", None)
    configure_logging(as_json=True)
    export_spans(Settings.model_validate({"otel_exporter_otlp_endpoint": "http://127.0.0.1:4318"}), "test")
    (line,) = capsys.readouterr().err.splitlines()
    assert "cinematch[telemetry]" in json.loads(line)["event"]
    assert not first_trace().sampled


def test_without_an_address_nothing_is_exported() -> None:
    export_spans(Settings(), "test")
    with within(SAMPLED):
        assert begin("publish", current_trace(), {}) is None
