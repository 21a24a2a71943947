"""The scale table: what is computed from its points agrees with them, in the code and in the result files."""

from __future__ import annotations

import pytest

from benchmarks import results
from benchmarks.measures import scale_table
from benchmarks.rows import Findings
from benchmarks.scale_model import BatchServer

DESIGNS = ("plain recipe", "micro-batch", "Lambda")


def remarks(model: BatchServer) -> str:
    findings = Findings()
    scale_table._conclude(findings, model, 10)
    return " ".join(findings.remarks)


def test_the_remark_names_what_makes_the_model_late_without_load() -> None:
    assert "below 2400 ms, its p99 without load: the 1200 ms of the batch before" in remarks(
        BatchServer(1.2, 0.01, 1.0)
    )
    assert "below 1300 ms, its p99 without load: the trigger's 1000 ms" in remarks(BatchServer(0.3, 0.01, 1.0))
    assert "without load" not in remarks(BatchServer(0.01, 0.01, 0.0))


def test_only_micro_batch_has_a_model() -> None:
    findings = Findings()
    scale_table._conclude(findings, BatchServer(0.3, 0.01, 1.0), 10)
    assert [curve.label for curve in findings.curves if curve.is_model] == ["micro-batch"]


def test_the_recorded_rows_are_those_of_the_recorded_points() -> None:
    found = results.read()
    run = found.context["scale_table"]
    recorded = {row.measure: row for row in found.rows_of("scale_table")}
    points = {it["label"]: list(zip(it["x"], it["y"], strict=True)) for it in run["curves"]}
    for users in (scale_table.QUICK if run["quick"] else scale_table.FULL).users:
        plain, *layers = (points[f"{design}, {scale_table._stored(users)}"] for design in DESIGNS)
        rows = scale_table._threshold_rows(users, plain, dict(zip(DESIGNS[1:], layers, strict=True)))
        assert rows == [recorded[row.measure] for row in rows]


@pytest.mark.parametrize("plain", [[(6.0, 200.0)], []])
def test_a_layer_stands_alone_where_the_plain_recipe_never_was_in_time(plain: list[tuple[float, float]]) -> None:
    first, *_ = scale_table._threshold_rows(10, plain, {"Lambda": [(6.0, 50.0)]})
    assert (first.measure, first.ours, first.beside) == (
        "Lambda, 10 users in MongoDB, stays below 100 ms up to",
        6.0,
        None,
    )
