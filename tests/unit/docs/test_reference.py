"""The reference says what the code says."""

from __future__ import annotations

import json
import math
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

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


SCALING = (DOCS / "scaling.md").read_text()
MEASURED: dict[str, dict[str, Any]] = {
    row["measure"]: row for row in json.loads((RESULTS / "scaling.json").read_text())
}


def measured(name: str) -> dict[str, Any]:
    """Give the one row of that name; an ellipsis in it stands for anything, such as the size of a quick or full run."""
    pattern = ".+".join(re.escape(part) for part in name.split("…"))
    (row,) = (row for measure, row in MEASURED.items() if re.fullmatch(pattern, measure))
    return row


def test_figures_on_the_scaling_page_are_the_measured_ones() -> None:
    """Each row of the table names the kept rows that it quotes, in the order of its figures."""
    (table,) = re.findall(r"^## What was measured\n\n(.+?)\n\n", SCALING, re.DOTALL | re.MULTILINE)
    quoted = [re.split(r" *\| *", row.strip("| ")) for row in table.splitlines()[2:]]
    assert len(quoted) >= 20
    for what, figures, origin in quoted:
        side = "beside" if origin.startswith("beside ") else "ours"
        values = [f"{measured(name)[side]:,g}" for name in re.findall(r"`(.+?)`", origin)]
        assert values, what
        assert figures.rpartition(" ")[0].split(" / ") == values, what


def ours(measure: str) -> float:
    return float(measured(measure)["ours"])


def table_row(name: str) -> list[str]:
    """Give the cells of a row of the scaling page, by its first one: those of S, M, L and XL."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in SCALING.splitlines()]
    (cells,) = (cells for first, *cells in rows if first == name)
    return cells


PEAKS = [5 * events / 86_400 for events in (50_000, 500_000, 5_000_000, 50_000_000)]
"""Events a second of the four sizes, as the page computes them."""
LISTS = "ADD in a list of {} films, micro-batch beside Lambda"
IN_KAFKA = "import of … ratings, until all are in Kafka, beside kafka-python's producer alone"


def test_what_the_scaling_page_says_of_micro_batch_follows_from_the_measured_figures() -> None:
    least, most = ours(LISTS.format(50)), ours(LISTS.format(500))
    milliseconds = f"{least + (most - least) * 150 / 450:.1f}"
    assert f"{least:g} + ({most:g} - {least:g}) x 150 / 450 = **{milliseconds} ms**" in SCALING
    cores = [f"{peak * float(milliseconds) / 1_000:.2g}" for peak in PEAKS]
    assert table_row(f"cores busy at the peak = events/s x {float(milliseconds) / 1_000:g}") == cores


def test_what_the_scaling_page_says_of_the_speed_layer_follows_from_the_measured_figures() -> None:
    applied = ours("speed layer, 1 event(s) of each of 5,000 users, beside the plain recipe pipelined")
    assert f"2,894/s at XL are {PEAKS[-1] / applied:.0%}".replace("%", " %") in SCALING
    assert ours("speed layer, real time, catching up, beside the steady rate") > PEAKS[-1]
    event, user = ours("Redis, a pending event"), ours("Redis, a user with one pending event")
    keys = user - event
    told = f"takes {event:g} bytes, and its user's keys {keys:,.1f} more: {event + keys / 6.25:.0f} bytes an event"
    assert told in SCALING


def test_what_the_scaling_page_says_of_the_relay_follows_from_the_measured_figures() -> None:
    relayed, mean, peak = ours(IN_KAFKA), PEAKS[-1] / 5, PEAKS[-1]
    produced = measured(IN_KAFKA)["beside"]
    left = (peak - relayed) * 3_600
    text = " ".join(SCALING.split())
    for told in (
        f"(one producer alone made {produced:,g}/s, {produced / peak:.1f} times XL's peak)",
        f"it brought {relayed:,g} events/s into the log: {relayed / PEAKS[-2]:.1f} times L's peak, "
        f"{relayed / mean:.1f} times XL's mean, but XL's peak is {peak / relayed:.1f} times as much",
        f"leaves {left / 1e6:.1f} million events in the outbox, which take {left / (relayed - mean) / 60:.0f} minutes",
        f"At the rate above {math.ceil(peak / relayed)} shares carry the peak",
    ):
        assert told in text


def test_what_the_scaling_page_says_of_the_api_follows_from_the_measured_figures() -> None:
    reads = ours("GET /stats, 16 clients, beside the constant answer") / 2
    writes = ours("POST /movies, beside the bare transaction") / 2
    rate = round(5 / (4 / reads + 1 / writes))
    assert f"5 / (4 / {reads:g} + 1 / {writes:g}) = **{rate} requests/s**" in SCALING
    processes = [
        str(max(math.ceil(5 * peak / rate), at_least)) for peak, at_least in zip(PEAKS, (1, 2, 2, 2), strict=True)
    ]
    assert table_row(f"API processes = requests / {rate}, at least 2 from M on") == processes
    assert table_row("API")[1:] == processes[1:]


def test_metrics_that_pages_name_are_told() -> None:
    told = {value.name for value in vars(catalogue).values() if isinstance(value, Metric)}
    for page in sorted(DOCS.rglob("*.md")):
        named = set(re.findall(r"`(cinematch_[a-z_]+)`", page.read_text()))
        assert named <= told, page.name
