"""The table of all metrics in docs/metrics.md. `python -m cinematch.metrics.documentation FILE` renews it there."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from cinematch.metrics.catalogue import METRICS
from cinematch.metrics.metric import Metric

BEGIN: Final = "<!-- table of metrics: made by python -m cinematch.metrics.documentation -->"
END: Final = "<!-- end of the table of metrics -->"


def table() -> str:
    """Give the table with its marks, in Markdown."""
    head = ["| metric | kind | unit | labels | told by | meaning |", "|---|---|---|---|---|---|"]
    return "\n".join([BEGIN, *head, *map(_row, METRICS), END])


def renewed(page: str) -> str:
    """Give the page with the present table in place of the one between the marks. Raises ValueError without marks."""
    before, _, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError("the page has no marks for the table")
    return before + table() + after


def _row(metric: Metric) -> str:
    labels = ", ".join(metric.labels)
    layers = ", ".join(metric.layers) if len(metric.layers) < 6 else "every layer"
    return f"| `{metric.name}` | {metric.kind} | {metric.unit} | {labels} | {layers} | {metric.meaning} |"


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(renewed(file.read_text()))
