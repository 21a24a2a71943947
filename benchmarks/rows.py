"""One figure of the table: ours, what stands beside it in the same run, and whether the goal is met."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from statistics import median
from textwrap import shorten
from typing import Any, Final

SIGNIFICANT: Final = 4
"""Digits that are kept: the rest is noise."""
REASON_LENGTH: Final = 200
"""Characters of an error that a remark has: some bring the end of a log."""


class Bound(StrEnum):
    """Which side of its limit a figure is to be on."""

    AT_LEAST = "at least"
    AT_MOST = "at most"


@dataclass(frozen=True, slots=True)
class Goal:
    """What is asked for: of the ratio to what stands beside (`of_ratio`), or of our own figure."""

    bound: Bound
    limit: float
    of_ratio: bool = True

    def is_met(self, ours: float, ratio: float | None) -> bool:
        """Compare. Raises ValueError when a ratio is asked for and there is none."""
        figure = ratio if self.of_ratio else ours
        if figure is None:
            raise ValueError("a goal for the ratio needs something beside")
        return figure >= self.limit if self.bound is Bound.AT_LEAST else figure <= self.limit

    def __str__(self) -> str:
        return f"{'ratio ' if self.of_ratio else ''}{self.bound} {self.limit:g}"


@dataclass(frozen=True, slots=True)
class Row:
    """`ratio` is ours / beside; `spread` the least and greatest that any round gave: of the ratio, or else of ours."""

    measure: str
    ours: float
    beside: float | None
    unit: str
    ratio: float | None
    spread: tuple[float, float]
    goal: str | None
    met: bool | None

    def document(self) -> dict[str, Any]:
        """Give the row as `latest.json` has it."""
        return asdict(self) | {"spread": list(self.spread)}

    @property
    def has_spread(self) -> bool:
        """Say whether it is a ratio of several rounds."""
        return self.ratio is not None and self.spread[0] < self.spread[1]

    def agrees(self, other: Row) -> bool:
        """Say whether the spreads of two runs have something in common, which says that they found the same."""
        return self.spread[0] <= other.spread[1] and other.spread[0] <= self.spread[1]


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a picture; `is_model` marks what was computed and not measured."""

    picture: str
    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    is_model: bool = False


@dataclass(slots=True)
class Findings:
    """What one measure gives: rows, curves, and sentences on what was seen (why a goal was missed, what was left)."""

    rows: list[Row] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Run a part of a measure. Raises Unfinished when it fails: what was found so far, with a remark on that."""
        try:
            yield
        except Exception as error:
            reason = shorten(f"{type(error).__name__}: {error}", REASON_LENGTH, placeholder=" ...")
            self.remarks.append(f"Unfinished: {name} failed, and what comes after it was not measured ({reason}).")
            raise Unfinished(self) from error


class Unfinished(Exception):
    """A part of a measure failed; `findings` has what was found before."""

    def __init__(self, findings: Findings) -> None:
        super().__init__(findings.remarks[-1])
        self.findings = findings


def compared(measure: str, unit: str, ours: Sequence[float], beside: Sequence[float], goal: Goal | None = None) -> Row:
    """Make a row of rounds that were run in turns: medians, and the median of the rounds' own ratios.

    Raises ValueError when the rounds are not pairs, or one has nothing beside it.
    """
    ratios = [_rounded(one / other) for one, other in zip(ours, beside, strict=True) if other]
    if len(ratios) != len(ours):
        raise ValueError(f"{measure}: a round has nothing beside it")
    mine, ratio = _rounded(median(ours)), _rounded(median(ratios))
    spread = (min(ratios), max(ratios))
    return Row(measure, mine, _rounded(median(beside)), unit, ratio, spread, *_judged(goal, mine, ratio))


def alone(measure: str, unit: str, ours: Sequence[float], goal: Goal | None = None) -> Row:
    """Make a row of a figure that stands by itself, or beside a fixed limit."""
    figures = [_rounded(figure) for figure in ours]
    mine = _rounded(median(figures))
    return Row(measure, mine, None, unit, None, (min(figures), max(figures)), *_judged(goal, mine, None))


def _judged(goal: Goal | None, ours: float, ratio: float | None) -> tuple[str | None, bool | None]:
    return (None, None) if goal is None else (str(goal), goal.is_met(ours, ratio))


def _rounded(figure: float) -> float:
    return float(f"{figure:.{SIGNIFICANT}g}")
