"""The alert on a silent layer, evaluated over what Prometheus would have seen in hours of good and bad days."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from cinematch.local_stack.layers import LAYERS
from tests.promql import NAME, Series, evaluate

RULES = Path(__file__).parents[3] / "deploy" / "prometheus" / "rules"
STEP = 15
MINUTE = 60
HOUR = 60 * MINUTE
JOBS = [spec.name for spec in LAYERS]
MICRO_BATCH_DESIGN = ["api", "relay", "micro_batch"]
"""What runs without the profile `lambda`."""
LAMBDA_ALONE = sorted(set(JOBS) - set(MICRO_BATCH_DESIGN))

Target = Callable[[int], int | None]
"""What a scrape finds at a time in seconds: 1, 0 (nobody answers), or None (no target: its name is not in the DNS)."""


def rule() -> dict[str, Any]:
    groups = (group for file in sorted(RULES.glob("*.yml")) for group in yaml.safe_load(file.read_text())["groups"])
    (found,) = (it for group in groups for it in group["rules"] if it["alert"] == "LayerDown")
    return dict(found)


RULE = rule()
PATIENCE = int(promql_parser.parse_duration(RULE["for"]).total_seconds())


def up(_: int) -> int | None:
    return 1


def never(_: int) -> int | None:
    return None


def until(end: int, then: int | None) -> Target:
    return lambda time: 1 if time < end else then


def crashing(time: int) -> int | None:
    """Started again and again: it is found for some seconds, and answers nobody; each time at a new address."""
    return 0 if time // 30 % 2 else None


class Past:
    """What was scraped; layers that are not named are up."""

    def __init__(self, jobs: list[str], others: Mapping[str, Target] | None = None, mode: str = "micro_batch") -> None:
        self._targets: dict[str, Target] = {**dict.fromkeys(jobs, up), **(others or {})}
        self._mode = mode

    def firing(self, at: int) -> set[str]:
        """Give the layers for which the alert has been pending for as long as it must."""
        history = list(self._series(at))
        looks = range(at - PATIENCE, at + 1, STEP)
        found = [set(evaluate(RULE["expr"], history, look)) for look in looks]
        return {dict(labels)["job"] for labels in set.intersection(*found)}

    def _series(self, end: int) -> Iterator[Series]:
        times = range(0, end + 1, STEP)
        for job, target in self._targets.items():
            samples = [(float(time), None if (value := target(time)) is None else float(value)) for time in times]
            yield Series({NAME: "up", "job": job, "instance": f"{job}:9100"}, samples)
        answers = {NAME: "cinematch_answers_total", "job": "api", "mode": self._mode, "freshness": "complete"}
        yield Series(answers, [(float(time), 1.0) for time in times])


@pytest.mark.parametrize("at", [10 * MINUTE, 3 * HOUR])
@pytest.mark.parametrize("jobs", [JOBS, MICRO_BATCH_DESIGN], ids=["lambda", "micro-batch"])
def test_nobody_is_warned_of_layers_that_run_or_of_a_profile_that_does_not(jobs: list[str], at: int) -> None:
    assert Past(jobs).firing(at) == set()


@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize("then", [0, None], ids=["silent", "gone"])
def test_the_alert_lasts_until_the_layer_is_back(job: str, then: int | None) -> None:
    down_for_hours: Target = until(HOUR, then)
    past = Past(JOBS, {job: down_for_hours})
    assert past.firing(HOUR - STEP) == set()
    assert past.firing(HOUR + PATIENCE) == {job}
    assert past.firing(5 * HOUR) == {job}
    back = Past(JOBS, {job: lambda time: down_for_hours(time) if time < 5 * HOUR else 1})
    assert back.firing(5 * HOUR + STEP) == set()


@pytest.mark.parametrize("job", MICRO_BATCH_DESIGN)
@pytest.mark.parametrize("jobs", [JOBS, MICRO_BATCH_DESIGN], ids=["lambda", "micro-batch"])
def test_a_layer_that_every_mode_needs_is_missed_though_it_never_started(jobs: list[str], job: str) -> None:
    assert Past(jobs, {job: never}).firing(10 * MINUTE) == {job}


@pytest.mark.parametrize("job", LAMBDA_ALONE)
def test_a_layer_of_the_lambda_path_is_missed_though_it_never_started(job: str) -> None:
    assert Past(JOBS, {job: never}).firing(3 * HOUR) == {job}


@pytest.mark.parametrize("job", JOBS)
def test_a_layer_that_crashes_again_and_again_is_down(job: str) -> None:
    assert Past(JOBS, {job: crashing}).firing(3 * HOUR) == {job}


def test_the_whole_lambda_path_is_missed_while_answers_need_it() -> None:
    gone = dict.fromkeys(LAMBDA_ALONE, until(HOUR, None))
    assert Past(JOBS, gone, mode="lambda").firing(5 * HOUR) == set(LAMBDA_ALONE)


def test_a_lambda_path_that_was_put_away_is_forgotten_within_some_hours() -> None:
    gone = dict.fromkeys(LAMBDA_ALONE, until(HOUR, None))
    past = Past(JOBS, gone)
    assert past.firing(HOUR + PATIENCE) == set(LAMBDA_ALONE)
    assert past.firing(5 * HOUR) == set()


def test_the_alert_names_one_layer_whatever_its_addresses() -> None:
    """Another label would make another alert of each address, and none would ever have been pending for long."""
    history = Past(JOBS, {"relay": never})._series(HOUR)
    assert evaluate(RULE["expr"], history, HOUR) == {frozenset({("job", "relay")}): 1.0}
