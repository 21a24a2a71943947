"""The result files: `latest.json` has the rows, `context.json` what they were measured on, by measure.

`latest.json` is a list of objects, as asked for: a row of the table each. `context.json` maps each measure to the time,
the machine, whether the run was a quick one, its rows' names, its curves and remarks. A run of one measure replaces
that measure's part of both; `context.json` keeps which of its ratios the run before had found, too.
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
_OPTIONS: Final = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


@dataclass(frozen=True, slots=True)
class Results:
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


def read(folder: Path = FOLDER) -> Results:
    """Read both files; what is missing is empty."""
    rows = [Row(**(it | {"spread": tuple(it["spread"])})) for it in _read(folder / LATEST, [])]
    return Results(tuple(rows), _read(folder / CONTEXT, {}))


def merge(
    before: Results, measure: str, findings: Findings, run: Mapping[str, Any], order: Sequence[str] = ()
) -> Results:
    """Put what a measure found in place of what it had, in `order`. Raises ValueError for a name twice."""
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
    return Results((*rows, *by_name.values()), {name: context[name] for name in ranked})


def repeated(before: Results, measure: str, findings: Findings, quick: bool) -> dict[str, Any]:
    """Compare the ratios of a run with those of the one before, of the same kind.

    A ratio of one round has no spread, and is left out.

    Gives {"repeated": {"before": when that was, "ratios": how many both have, "apart": what they do not agree about}},
    or nothing when there is nothing to compare with.
    """
    run = before.context.get(measure)
    if run is None or run["quick"] != quick:
        return {}
    then = {row.measure: row for row in before.rows_of(measure)}
    both = [row for row in findings.rows if row.has_spread and row.measure in then and then[row.measure].has_spread]
    apart = [row.measure for row in both if not row.agrees(then[row.measure])]
    return {"repeated": {"before": run["measured_at"], "ratios": len(both), "apart": apart}} if both else {}


def agreement(run: Mapping[str, Any]) -> str:
    """Say of how many of its ratios a run agrees with the one before; nothing when it was not compared."""
    told = run.get("repeated")
    return f"{told['ratios'] - len(told['apart'])} of {told['ratios']}" if told else ""


def write(results: Results, folder: Path = FOLDER) -> None:
    """Write both files."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / LATEST).write_bytes(orjson.dumps([row.document() for row in results.rows], option=_OPTIONS))
    (folder / CONTEXT).write_bytes(orjson.dumps(results.context, option=_OPTIONS))


def _read(path: Path, otherwise: Any) -> Any:
    return orjson.loads(path.read_bytes()) if path.exists() else otherwise
