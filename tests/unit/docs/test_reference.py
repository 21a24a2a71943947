"""The reference says what the code says."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

import orjson
import pytest

from cinematch.contracts.event_codec import decode, encode
from cinematch.domain.events import Event, EventType
from cinematch.metrics import catalogue
from cinematch.metrics.metric import Metric
from docs.generator.pages import FOLDER, PAGES

DOCS = Path(__file__).parents[3] / "docs"
RESULTS = Path(__file__).parents[3] / "benchmarks" / "results"


@pytest.mark.parametrize("name", PAGES)
def test_generated_pages_are_up_to_date(name: str) -> None:
    assert (FOLDER / name).read_text() == PAGES[name](), "run `make reference`"


def test_the_table_of_fields_is_the_event() -> None:
    page = (DOCS / "reference" / "events.md").read_text()
    listed = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert sorted(listed) == sorted(field.name for field in fields(Event) if field.compare)
    (types,) = re.findall(r"^\| `event_type` \| (.+?) \|", page, re.MULTILINE)
    assert re.findall(r"`(\w+)`", types) == list(EventType)


def test_the_example_of_an_event_is_one() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", (DOCS / "reference" / "events.md").read_text(), re.DOTALL)
    assert orjson.loads(encode(decode(example.encode()))) == json.loads(example)


def test_figures_on_the_scaling_page_are_the_measured_ones() -> None:
    page = (DOCS / "scaling.md").read_text()
    measured = {row["measure"]: row for row in json.loads((RESULTS / "latest.json").read_text())}
    quoted = re.findall(r"\| ([\d.,]+) bytes \| `(.+?)` \|", page)
    assert len(quoted) >= 6
    for value, name in quoted:
        assert f"{measured[name]['ours']:,g}" == value, name


def test_metrics_that_pages_name_are_told() -> None:
    told = {value.name for value in vars(catalogue).values() if isinstance(value, Metric)}
    for page in sorted(DOCS.rglob("*.md")):
        named = set(re.findall(r"`(cinematch_[a-z_]+)`", page.read_text()))
        assert named <= told, page.name
