"""`python -m tests.oracle.report`: writes what the runs found into docs/reliability.md, between its marks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from tests.oracle.burst import BOUND_MIB, POST_PROMISE_MS
from tests.oracle.recovery import ASKED_USERS
from tests.oracle.results import FOLDER, Results
from tests.oracle.soak import GROWING, most

PAGE: Final = Path(__file__).parents[2] / "docs" / "reliability.md"
STACK: Final = "oracle on the running stack"
FAULTS: Final = re.compile(r"(kill|pause|line|full|older|step down|flush|lose|copy|poisoned|repeated) |shuffle$")
RECOVERED: Final = {
    "answer": "and in the answer",
    "answers": f"{ASKED_USERS} other users' answers are complete",
    "every_view": "every view has everything",
}
Section = Callable[[Results], str]


def rendered(page: str, folder: Path = FOLDER) -> str:
    """Give the page with the results in `folder` between its marks; a run that has not been made says so."""
    for name, section in SECTIONS.items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, mark, rest = page.partition(begin)
        if mark:
            page = f"{before}{begin}\n\n{_text(name, section, folder)}\n\n{end}{rest.partition(end)[2]}"
    return page


def _text(name: str, section: Section, folder: Path) -> str:
    file = folder / f"{name}.json"
    return section(json.loads(file.read_text())) if file.exists() else f"Not measured yet: `make {name}`."


def _chaos(found: Results) -> str:
    tally = found["figures"].get(STACK, {})
    answers = tally.get("complete answers", 0) + tally.get("incomplete answers", 0)
    faults = [(name, count) for name, count in sorted(tally.items()) if FAULTS.match(name) and count]
    return _paragraphs(
        f"{tally.get('schedules', 0)} schedules on the running stack from seed {found['seed']}, "
        f"{found.get('stack_seconds', 0) / 60:.0f} minutes, {_machine(found)}: {tally.get('events', 0):,} events, "
        f"{answers:,} answers checked, "
        f"{tally.get('answers from both views', 0):,} of them merged from both views; "
        f"{tally.get('looks at the batch view', 0):,} looks at the batch view. {sum(count for _, count in faults):,} "
        f"faults, a record each where records are spoiled or repeated. {_other_oracles(found['figures'])}Tests that "
        f"failed, by a wrong answer (the first ends its test) or otherwise: **{found['failed']}**.",
        f"Refused by a 503: {tally.get('reads refused by a 503', 0):,} reads and "
        f"{tally.get('writes refused by a 503', 0):,} writes. Without any answer, from an API that was not there: "
        f"{tally.get('reads without an answer', 0):,} and {tally.get('writes without an answer', 0):,}. All were sent "
        "again.",
        _table(("fault", "times"), [(name, f"{count:,}") for name, count in faults]),
        "What was run meanwhile; it may be refused while a store is away or somebody else is at it:",
        _table(("command", "done", "refused"), _commands(tally)),
        "The longest that one reader or writer was without an answer, by the fault that began nearest to when it began "
        "(seconds; what is below 0.5 is not counted):",
        _table(("fault", "reads", "writes"), _outages(found.get("outages", {}))),
        "Recovery, in seconds from the end of the fault:",
        _table(("fault", "a POST is acknowledged", *RECOVERED.values()), _recoveries(found.get("recovery", []))),
    )


def _other_oracles(figures: dict[str, dict[str, int]]) -> str:
    return "".join(
        f"The {name}: {tally.get('schedules', 0):,} schedules, "
        f"{tally.get('complete', 0) + tally.get('incomplete', 0):,} answers. "
        for name, tally in figures.items()
        if name != STACK
    )


def _commands(tally: dict[str, int]) -> list[tuple[str, ...]]:
    names = sorted({name.removesuffix(end) for name in tally for end in (" done", " refused") if name.endswith(end)})
    return [(f"`{name}`", *(f"{tally.get(f'{name} {end}', 0):,}" for end in ("done", "refused"))) for name in names]


def _outages(outages: dict[str, dict[str, float]]) -> list[list[str]]:
    by_length = sorted(outages.items(), key=lambda item: -max(item[1].values()))
    return [[name, _seconds(gaps.get("read")), _seconds(gaps.get("write"))] for name, gaps in by_length]


def _recoveries(rows: list[dict[str, Any]]) -> list[list[str]]:
    return [[row["fault"], *(_seconds(row[key]) for key in ("post", *RECOVERED))] for row in rows]


_POSTED: Final = {
    "post_ms_at_rest": "POSTs at rest, just before",
    "bare_ms_at_rest": "bare transactions at rest",
    "post_ms": "POSTs in the burst",
    "bare_ms": "bare transactions in the burst",
}


def _burst(found: Results) -> str:
    burst = found["burst"]
    promise = "kept" if found["post_promise_kept"] else "not kept"
    return _paragraphs(
        f"The slowest view follows {found['capacity_events_a_second']} events a second, {_machine(found)}. "
        f"{burst['events']:,} events came at once, as many as {burst['times_capacity']:g} times that for "
        f"{burst['seconds']:g} s; every view had them {found['lag_zero_after_seconds']:.0f} s later. Meanwhile "
        f"{found['posts']} POSTs of one client, {found['posts_refused']} refused. The promise of 99 % within "
        f"{POST_PROMISE_MS:g} ms was **{promise}**:",
        _table(
            ("", "median, ms", "99 % within, ms", "the slowest, ms"),
            [(what, *(f"{found[key][name]:.0f}" for name in ("p50", "p99", "most"))) for key, what in _POSTED.items()],
        ),
        f"The whole stack took {sum(most for _, most in found['memory_mib'].values()):,.0f} MiB at most, each process "
        f"at its own worst moment; bound: {BOUND_MIB:,.0f} MiB.",
        _table(
            ("process", "memory before, MiB", "most, MiB"),
            [(name, f"{before:.0f}", f"{most:.0f}") for name, (before, most) in found["memory_mib"].items()],
        ),
    )


def _soak(found: Results) -> str:
    tally = found["figures"]
    answers = tally.get("complete answers", 0) + tally.get("incomplete answers", 0)
    return _paragraphs(
        f"{found['minutes']:g} minutes, {_machine(found)}: {tally.get('events', 0):,} events, {answers:,} answers "
        "checked. Medians of the second and of the last quarter:",
        _table(
            ("figure", "second quarter", "last quarter", "may be"),
            [
                (name, f"{first:g}", f"{last:g}", "" if name in GROWING else f"{most(name, first):g}")
                for name, (first, last) in found["growth"].items()
            ],
        ),
    )


SECTIONS: Final[dict[str, Section]] = {"chaos": _chaos, "burst": _burst, "soak": _soak}


def _machine(found: Results) -> str:
    machine: dict[str, Any] = found["machine"]
    return f"on {machine['cores']} cores (load {machine['load']:g} at the end)"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _paragraphs(*texts: str) -> str:
    return "\n\n".join(texts)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = list(head)
    lines = [names, ["---"] * len(names), *map(list, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(rendered(PAGE.read_text()))
