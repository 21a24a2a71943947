"""`python -m benchmarks.report`: docs/performance.md and its pictures, from the result files alone.

Nothing is measured here, and nothing but the result files and the measures' own words goes in, so it may run
unattended, and gives the same page again.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks import results
from benchmarks.pictures import PICTURES, draw
from benchmarks.registry import NAMES, load
from benchmarks.results import Results
from benchmarks.rows import Row

DOCS: Final = Path(__file__).parent.parent / "docs"
PAGE: Final = DOCS / "performance.md"
IMAGES: Final = DOCS / "images" / "performance"
IDLE_PERCENT: Final = 20.0
HEAD: Final = ("figure", "unit", "ours", "beside", "ratio", "spread", "goal", "met")
INTRODUCTION: Final = """\
# Performance

<!-- Made by `make bench-report` from benchmarks/results; do not edit. -->

What the system costs, beside a *limit* or a *peer* of the same run. On a shared machine absolute figures shift, ratios
shift less: where something stands beside ours, both were run in turns, *ratio* is ours / beside (the median of the
rounds), and *spread* is the least and greatest ratio of any round; what takes minutes was run once, one after the
other. Where nothing stands beside, *spread* is that of the figure. A goal is of the ratio where it says so, or else of
our figure.

`make bench-quick` (under ten minutes) or `make bench` measure again, `python -m benchmarks NAME` measures one part, and
`make bench-report` makes this page. Latencies count from the moment when a request or event was due, so a stalled
server cannot hide behind a waiting client; the load comes from the same machine.
"""


def main() -> None:
    """Write the page and the pictures."""
    found = results.read()
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures(found).items():
        (IMAGES / name).write_text(picture)
    PAGE.write_text(page(found))


def page(found: Results) -> str:
    """Give docs/performance.md."""
    measured = [name for name in NAMES if name in found.context]
    parts = [INTRODUCTION, _machines(found, measured), _summary(found)]
    parts += [_section(name, found) for name in measured]
    return "\n".join(parts)


def pictures(found: Results) -> dict[str, str]:
    """Give the pictures by file name, as SVG; those of which nothing was measured are left out."""
    curves = found.curves()
    wanted = {curve.picture for curve in curves}
    return {f"{name}.svg": draw(name, curves) for name in PICTURES if name in wanted}


def table(rows: Iterable[Row]) -> list[str]:
    """Give rows as a table in Markdown."""
    lines = [_line(HEAD), _line(["---"] * len(HEAD))]
    return lines + [_line(_cells(row)) for row in rows]


def _cells(row: Row) -> list[str]:
    low, high = row.spread
    spread = _number(low) if low == high else f"{_number(low)} to {_number(high)}"
    met = {True: "yes", False: "**no**", None: ""}[row.met]
    return [
        row.measure,
        row.unit,
        _number(row.ours),
        _number(row.beside),
        _number(row.ratio),
        spread,
        row.goal or "",
        met,
    ]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _number(figure: float | None) -> str:
    if figure is None:
        return ""
    return f"{figure:,.0f}" if abs(figure) >= 1000 else f"{figure:.3g}"


def _summary(found: Results) -> str:
    missed = [row for row in found.rows if row.met is False]
    judged = sum(row.met is not None for row in found.rows)
    lines = [f"## Goals\n\n{judged - len(missed)} of {judged} goals are met."]
    if missed:
        lines[0] += " Not met:\n"
        lines += table(missed)
        lines.append("\nWhy is said with each measure below.")
    return "\n".join(lines) + "\n"


def _machines(found: Results, measured: Sequence[str]) -> str:
    runs = _shown_runs(found, measured)
    lines = ["## The machine\n"]
    for text in dict.fromkeys(_machine(run["machine"]) for _, run in runs):
        lines.append(f"{text}\n")
    head = ["measure", "measured at", "commit", "run", "seconds", "busy before", "pace", "again"]
    lines += [_line(head), _line(["---"] * len(head)), *(_line(_run_cells(name, run)) for name, run in runs)]
    lines.append(
        "\n*Busy before* is the share of its cores that was taken in the second before the measure began, *pace* "
        "how long ten million additions in Python took a core then; a *commit* with a plus had changes. *Again* counts "
        "the ratios that the run of this kind before, on such a processor, had found, too: their spreads meet. By "
        "chance alone those of two runs of four rounds each miss one another in 1 of 35 cases, of five in 1 of 126. "
        "The figures below are those of full runs where a measure has one; its last quick run is then listed for "
        "*again* alone."
    )
    lines += [
        f"- `{name}` ({_kind(run)}) does not agree with the run before about {_quoted(told['apart'])}."
        for name, run in runs
        if (told := run.get("repeated")) and told["apart"]
    ]
    disturbed = [f"`{name}`" for name in measured if _was_busy(found.context[name])]
    if disturbed:
        lines.append(
            f"**Others were at work on the machine: of {', '.join(disturbed)} only the ratios say something.**"
        )
    lines.append("")
    return "\n".join(lines)


def _shown_runs(found: Results, measured: Sequence[str]) -> list[tuple[str, Mapping[str, Any]]]:
    """Give the run of each measure, and after a full one the last quick one, if any."""
    shown = []
    for name in measured:
        shown.append((name, found.context[name]))
        if found.was_full(name) and name in found.quick.context:
            shown.append((name, found.quick.context[name]))
    return shown


def _run_cells(name: str, run: Mapping[str, Any]) -> list[str]:
    told = run["machine"]
    busy = f"{told['busy_percent_before']:.0f} %"
    pace = f"{told['pace_seconds']} s" if "pace_seconds" in told else ""
    cells = [f"`{name}`", run["measured_at"], run.get("commit", ""), _kind(run), str(run["seconds"]), busy, pace]
    return [*cells, results.agreement(run)]


def _kind(run: Mapping[str, Any]) -> str:
    return "quick" if run["quick"] else "full"


def _quoted(names: Iterable[str]) -> str:
    return "; ".join(f"*{name}*" for name in names)


def _was_busy(run: Mapping[str, Any]) -> bool:
    return bool(run["machine"]["busy_percent_before"] > IDLE_PERCENT)


def _machine(told: dict[str, Any]) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in told["packages"].items())
    return (
        f"{told['processor']}, {told['cores']} cores, {told['memory_gib']} GiB, {told['system']}; "
        f"Python {told['python']}, {told['java']}; {packages}."
    )


def _section(name: str, found: Results) -> str:
    measure = load(name)
    run = found.context[name]
    lines = [f"## {measure.TITLE}\n", *table(found.rows_of(name))]
    shown = dict.fromkeys(curve["picture"] for curve in run["curves"])
    lines += [f"\n![{PICTURES[it].title}](images/performance/{it}.svg)" for it in shown if it in PICTURES]
    if run["remarks"]:
        lines += ["", *(f"- {remark}" for remark in run["remarks"])]
    lines.append(f"\n*Method* (`{name}`). {inspect.cleandoc(measure.__doc__ or '')}")
    lines.append(f"\n*What limits it.* {measure.LIMIT}\n")
    tried = getattr(measure, "TRIED", None)
    if tried and any(row.met is False for row in found.rows_of(name)):
        lines.append(f"*What was tried.* {tried}\n")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
