"""The model of micro-batch: a server that takes whatever waits as its next batch."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.scale_model import BatchServer, fitted, passed_at, steady_up_to

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


POINTS = ((10.0, 50.0), (100.0, 80.0), (1_000.0, 320.0), (2_000.0, 70.0))


def test_a_layer_is_steady_up_to_the_last_rate_before_the_first_that_is_late() -> None:
    assert steady_up_to(POINTS, 81.0) == 100.0
    assert steady_up_to(POINTS, 50.0) == 0.0
    assert steady_up_to(POINTS, 1_000.0) == 2_000.0
    assert steady_up_to((), 1_000.0) == 0.0


def test_a_threshold_between_two_points_is_passed_on_the_line_of_their_logarithms() -> None:
    assert passed_at(POINTS, 160.0) == pytest.approx(math.sqrt(100.0 * 1_000.0))
    assert passed_at(POINTS, 80.0) == pytest.approx(100.0)


def test_outside_the_points_nothing_is_interpolated() -> None:
    assert passed_at(POINTS, 40.0) == 0.0
    assert passed_at(POINTS, 321.0) is None
    assert passed_at((), 40.0) is None
