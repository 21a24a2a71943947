"""The result files: `latest.json` has the rows, `context.json` what they were measured on, by measure.

`latest.json` is a list of objects, as asked for: a row of the table each. `context.json` maps each measure to the time,
the machine, whether the run was a quick one, its rows' names, its curves and remarks. A run of one measure replaces
that measure's part of both; `context.json` keeps which of its ratios the run before of its kind had found, too.

`quick.json` and `quick_context.json` have the same of quick runs alone. A quick run is in the latest files only as
long as its measure has never been run in full.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from benchmarks.rows import Curve, Findings, Row

FOLDER: Final = Path(__file__).parent / "results"
LATEST: Final = "latest.json"
CONTEXT: Final = "context.json"
QUICK: Final = "quick.json"
QUICK_CONTEXT: Final = "quick_context.json"
_OPTIONS: Final = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


@dataclass(frozen=True, slots=True)
class Runs:
    """All rows in the order of the table, and each measure's context."""

    rows: tuple[Row, ...]
    context: Mapping[str, Mapping[str, Any]]

    def rows_of(self, measure: str) -> list[Row]:
        """Give the rows of one measure; none when it was never run."""
        names = set(self.context.get(measure, {}).get("rows", ()))
        return [row for row in self.rows if row.measure in names]

    def curves(self) -> list[Curve]:
        """Give the curves of all measures."""
        return [
            Curve(it["picture"], it["label"], tuple(it["x"]), tuple(it["y"]), it["is_model"])
            for told in self.context.values()
            for it in told["curves"]
        ]

    def was_full(self, measure: str) -> bool:
        """Say whether the measure's run was one in full."""
        return measure in self.context and not self.context[measure]["quick"]


@dataclass(frozen=True, slots=True)
class Results(Runs):
    """The latest runs, of each measure the full one if there is any; `quick` has the latest quick ones."""

    quick: Runs = Runs((), {})

    def has_run(self, measure: str, quick: bool) -> bool:
        """Say whether there is a run of this kind."""
        return measure in self.quick.context if quick else self.was_full(measure)


def read(folder: Path = FOLDER) -> Results:
    """Read all files; what is missing is empty."""
    rows, context = _read_runs(folder, LATEST, CONTEXT)
    return Results(rows, context, Runs(*_read_runs(folder, QUICK, QUICK_CONTEXT)))


def merge(
    before: Results, measure: str, findings: Findings, run: Mapping[str, Any], order: Sequence[str] = ()
) -> Results:
    """Put what a measure found in place of what it had, in `order`. Raises ValueError for a name twice.

    What a quick run found goes to the quick ones, and no further where the measure has been run in full.
    """
    latest: Runs = before
    if not (run["quick"] and before.was_full(measure)):
        latest = _replaced(before, measure, findings, run, order)
    quick = _replaced(before.quick, measure, findings, run, order) if run["quick"] else before.quick
    return Results(latest.rows, latest.context, quick)


def _replaced(before: Runs, measure: str, findings: Findings, run: Mapping[str, Any], order: Sequence[str]) -> Runs:
    replaced = {row.measure for row in before.rows_of(measure)}
    kept = [row for row in before.rows if row.measure not in replaced]
    names = [row.measure for row in findings.rows]
    if len(set(names)) < len(names) or set(names) & {row.measure for row in kept}:
        raise ValueError(f"{measure}: two rows of one name")
    told = dict(run) | {
        "rows": names,
        "curves": [asdict(it) | {"x": list(it.x), "y": list(it.y)} for it in findings.curves],
        "remarks": findings.remarks,
    }
    context = dict(before.context) | {measure: told}
    ranked = sorted(context, key=lambda name: order.index(name) if name in order else len(order))
    by_name = {row.measure: row for row in [*kept, *findings.rows]}
    rows = [by_name.pop(name) for measure in ranked for name in context[measure]["rows"]]
    return Runs((*rows, *by_name.values()), {name: context[name] for name in ranked})


def repeated(before: Results, measure: str, findings: Findings, run: Mapping[str, Any]) -> dict[str, Any]:
    """Compare the ratios of a run with those of the one before, of the same kind and on the same processor.

    A ratio of one round has no spread, and is left out.

    Gives {"repeated": {"before": when that was, "ratios": how many both have, "apart": what they do not agree about}},
    or nothing when there is nothing to compare with.
    """
    runs = before.quick if run["quick"] else before
    if not before.has_run(measure, run["quick"]) or _processor(runs.context[measure]) != _processor(run):
        return {}
    then = {row.measure: row for row in runs.rows_of(measure)}
    both = [row for row in findings.rows if row.has_spread and row.measure in then and then[row.measure].has_spread]
    apart = [row.measure for row in both if not row.agrees(then[row.measure])]
    told = {"before": runs.context[measure]["measured_at"], "ratios": len(both), "apart": apart}
    return {"repeated": told} if both else {}


def _processor(run: Mapping[str, Any]) -> str:
    return str(run["machine"]["processor"])


def agreement(run: Mapping[str, Any]) -> str:
    """Say of how many of its ratios a run agrees with the one before; nothing when it was not compared."""
    told = run.get("repeated")
    return f"{told['ratios'] - len(told['apart'])} of {told['ratios']}" if told else ""


def write(results: Results, folder: Path = FOLDER) -> None:
    """Write all files."""
    folder.mkdir(parents=True, exist_ok=True)
    for runs, rows, context in ((results, LATEST, CONTEXT), (results.quick, QUICK, QUICK_CONTEXT)):
        (folder / rows).write_bytes(orjson.dumps([row.document() for row in runs.rows], option=_OPTIONS))
        (folder / context).write_bytes(orjson.dumps(runs.context, option=_OPTIONS))


def _read_runs(folder: Path, rows: str, context: str) -> tuple[tuple[Row, ...], Mapping[str, Mapping[str, Any]]]:
    found = [Row(**(it | {"spread": tuple(it["spread"])})) for it in _read(folder / rows, [])]
    return tuple(found), _read(folder / context, {})


def _read(path: Path, otherwise: Any) -> Any:
    return orjson.loads(path.read_bytes()) if path.exists() else otherwise
