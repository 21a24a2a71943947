"""Dashboards and alert rules: well-formed, every query parses, and none asks for a figure that nobody tells."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from cinematch.local_stack.layers import LAYERS
from cinematch.metrics.catalogue import METRICS
from cinematch.metrics.metric import Kind, Metric
from tests.promql import NAME, Series, evaluate

DEPLOY = Path(__file__).parents[3] / "deploy"
DASHBOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
PROMETHEUS = DEPLOY / "prometheus" / "prometheus.yml"
RULES = sorted((DEPLOY / "prometheus" / "rules").glob("*.yml"))
OTHERS = {"up", "http_requests_total", "http_request_duration_seconds_bucket", "process_resident_memory_bytes"}


def rules() -> Iterator[dict[str, Any]]:
    """Every alert rule."""
    for file in RULES:
        for group in yaml.safe_load(file.read_text())["groups"]:
            yield from group["rules"]


def panels() -> Iterator[dict[str, Any]]:
    """Every panel of every dashboard."""
    for file in DASHBOARDS:
        yield from json.loads(file.read_text())["panels"]


QUERIES = [rule["expr"] for rule in rules()] + [target["expr"] for panel in panels() for target in panel["targets"]]


def series(metric: Metric) -> set[str]:
    """The names under which Prometheus keeps a metric."""
    if metric.kind is Kind.HISTOGRAM:
        return {f"{metric.name}_{part}" for part in ("bucket", "count", "sum")}
    return {metric.name}


@pytest.mark.parametrize("query", QUERIES)
def test_each_query_parses_and_asks_for_what_is_told(query: str) -> None:
    promql_parser.parse(query)
    names = set(re.findall(r"\b(?:cinematch|http|process)_[a-z_]+|\bup\b", query))
    assert names
    assert names <= OTHERS.union(*map(series, METRICS))


def test_each_alert_says_what_is_wrong_and_how_bad_it_is() -> None:
    assert {rule["alert"] for rule in rules()} >= {
        "BatchOverdue",
        "DeadLetters",
        "LayerDown",
        "OutboxLag",
        "SlowStore",
        "StreamEnded",
        "ViewLag",
    }
    for rule in rules():
        assert rule["annotations"]["summary"]
        assert rule["labels"]["severity"] in ("warning", "critical")


def test_users_whose_boundary_stands_still_are_told_of_when_the_next_run_has_not_helped() -> None:
    (rule,) = (rule for rule in rules() if rule["alert"] == "BatchWaits")
    assert rule["for"] == "30h"  # a run each day, and the time that it takes
    labels = {NAME: "cinematch_batch_waiting_users", "job": "scheduler"}
    for users, fires in ((3.0, True), (0.0, False)):
        assert bool(evaluate(rule["expr"], [Series(labels, [(0.0, users)])], 60.0)) is fires


def test_panels_have_titles_and_do_not_overlap() -> None:
    titles = [panel["title"] for panel in panels()]
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels()]
    assert len(titles) == len(set(titles)) == len(set(places)) >= 10


JOBS = {job["job_name"]: job for job in yaml.safe_load(PROMETHEUS.read_text())["scrape_configs"]}
COMPOSE = yaml.safe_load((DEPLOY.parent / "docker-compose.yml").read_text())["services"]


def test_each_layer_is_a_job_of_its_name_found_where_compose_runs_it() -> None:
    """The alert on a silent layer looks at every job, so a layer without one would be silent for ever."""
    assert set(JOBS) == {spec.name for spec in LAYERS} == {layer for metric in METRICS for layer in metric.layers}
    for name, job in JOBS.items():
        (place,) = job["dns_sd_configs"]
        assert place["names"] == [name.replace("_", "-")]
        (service,) = place["names"]
        told_on = COMPOSE[service]["environment"]
        assert str(place["port"]) == told_on["METRICS_PORT"]


def test_the_alert_on_a_silent_layer_leaves_no_job_out() -> None:
    (rule,) = (rule for rule in rules() if rule["alert"] == "LayerDown")
    assert set(re.findall(r'absent\(up\{job="(\w+)"\}\)', rule["expr"])) == set(JOBS)
    assert "{{ $labels.job }}" in rule["annotations"]["summary"]


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_names_only_jobs_and_views_that_there_are(query: str) -> None:
    named = re.findall(r'job[=!]~?"([^"]+)"', query)
    assert {name for names in named for name in names.split("|")} <= set(JOBS)
