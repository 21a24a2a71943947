"""The model of micro-batch: a server that takes whatever waits as its next batch."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.scale_model import BatchServer, fitted

servers = st.builds(BatchServer, fixed=st.floats(0.05, 2), each=st.floats(0.0005, 0.05), trigger=st.just(1.0))


def test_a_batch_shorter_than_the_trigger_waits_for_it() -> None:
    assert BatchServer(fixed=0.3, each=0.01, trigger=1.0).p99(0.0) == pytest.approx(1.3)


def test_batches_grow_with_the_rate() -> None:
    server = BatchServer(fixed=0.3, each=0.01, trigger=0.0)
    assert server.p99(50.0) == pytest.approx(2 * 0.3 / (1 - 0.5))


def test_beyond_the_greatest_rate_the_queue_has_no_end() -> None:
    server = BatchServer(fixed=0.3, each=0.01, trigger=1.0)
    assert server.greatest_rate == pytest.approx(100.0)
    assert server.p99(100.0) == math.inf


def test_a_threshold_below_the_trigger_is_passed_at_any_rate() -> None:
    assert BatchServer(fixed=0.3, each=0.01, trigger=1.0).rate_at(1.2) is None


@given(servers, st.floats(1.1, 10))
def test_the_rate_at_a_threshold_is_the_last_within_it(server: BatchServer, factor: float) -> None:
    threshold = server.p99(0.0) * factor
    rate = server.rate_at(threshold)
    assert rate is not None
    assert server.p99(rate) <= threshold
    assert server.p99(rate * 1.01) > threshold


def test_a_fit_finds_the_server_that_was_measured() -> None:
    true = BatchServer(fixed=0.4, each=0.004, trigger=1.0)
    found = fitted([(rate, true.p99(rate)) for rate in (5.0, 50.0, 100.0, 200.0, 230.0)])
    assert found.fixed == pytest.approx(true.fixed, rel=0.15)
    assert found.each == pytest.approx(true.each, rel=0.15)


def test_there_is_no_fit_to_nothing() -> None:
    with pytest.raises(ValueError, match="nothing"):
        fitted([])
