"""The alert on nights that bring nothing, evaluated over what the scheduler tells of its records."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from batch_layer.metrics import BatchFigures
from cinematch.contracts.generations import GenerationState
from tests.promql import NAME, Series, evaluate
from tests.twins.memory_generations import MemoryGenerations
from tests.twins.memory_lease import Holding, MemoryLease

RULES = Path(__file__).parents[3] / "deploy" / "prometheus" / "rules" / "cinematch.yml"
OWNER = "host/7/token"
PUBLISHED, FAILED, AT_WORK = GenerationState.READY, GenerationState.FAILED, GenerationState.BUILDING
Run = tuple[float, GenerationState]
"""How many hours ago it began, and what became of it."""


def fires(*runs: Run) -> bool:
    """Say whether the alert fires after these runs, oldest first."""
    (rule,) = (
        rule
        for group in yaml.safe_load(RULES.read_text())["groups"]
        for rule in group["rules"]
        if rule["alert"] == "BatchOverdue"
    )
    return bool(evaluate(rule["expr"], scraped(*runs), 60.0))


def scraped(*runs: Run) -> list[Series]:
    generations, holding = MemoryGenerations(), Holding()
    for hours_ago, state in runs:
        began = datetime.now(UTC) - timedelta(hours=hours_ago)
        number = generations.create(OWNER, began, None, None).number
        if state is AT_WORK:
            holding.owner = OWNER
            continue
        ended = began + timedelta(minutes=10)
        generations.update(number, state=state, finished_at=ended, reason="a test says so" if state is FAILED else None)
        if state is PUBLISHED:
            generations.publish(number, ended)
    figures = BatchFigures(generations, MemoryLease("scheduler", holding), lambda: None)
    samples = (sample for family in figures() for sample in family.samples)
    return [Series({NAME: it.name, "job": "scheduler", **it.labels}, [(60.0, it.value)]) for it in samples]


@pytest.mark.parametrize(
    "runs",
    [
        [(31, AT_WORK)],
        [(49, FAILED), (25, FAILED), (1, AT_WORK)],
        [(55, PUBLISHED), (31, PUBLISHED), (7, FAILED)],
        [(31, PUBLISHED), (29, AT_WORK)],
    ],
    ids=["the first run hangs", "no run ever succeeded", "the last night failed", "the second run hangs"],
)
def test_nights_that_bring_nothing_are_told(runs: list[Run]) -> None:
    assert fires(*runs)


@pytest.mark.parametrize(
    "runs",
    [[], [(2, AT_WORK)], [(25, FAILED), (1, AT_WORK)], [(54, FAILED), (6, PUBLISHED)], [(25, PUBLISHED), (1, AT_WORK)]],
    ids=["no run yet", "the first is at work", "the second is", "published at last", "the next night"],
)
def test_nobody_is_warned_of_nights_that_go_as_they_should(runs: list[Run]) -> None:
    assert not fires(*runs)
