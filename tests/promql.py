"""As much of PromQL as our alert rules use, evaluated over hand-made series, by the parser's own tree of a query.

Prometheus itself is no part of the development environment. What is not known here raises, and is never guessed.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import promql_parser as promql

LOOKBACK_SECONDS: Final = 300.0
"""How old the last sample of a series may be that has not ended."""
NAME: Final = "__name__"

Labels = frozenset[tuple[str, str]]
Vector = dict[Labels, float]


@dataclass(frozen=True)
class Series:
    """Samples in the order of time, (seconds, value); None: the series ends, for its target is gone."""

    labels: Mapping[str, str]
    samples: Sequence[tuple[float, float | None]]

    def value(self, at: float) -> float | None:
        """Give the value of that moment, if there is one."""
        time, value = max((it for it in self.samples if it[0] <= at), default=(float("-inf"), None))
        return value if at - time < LOOKBACK_SECONDS else None

    def values(self, since: float, at: float) -> list[float]:
        """Give all values behind `since`, up to a moment."""
        return [value for time, value in self.samples if since < time <= at and value is not None]


def evaluate(query: str, history: Iterable[Series], at: float) -> Vector:
    """Give what Prometheus would answer at that moment; names of metrics are among the labels of plain selectors."""
    found = _Evaluation(list(history), at).of(promql.parse(query))
    assert isinstance(found, dict)
    return found


_COMPARISONS: Final[dict[str, Callable[[float, float], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
_ARITHMETIC: Final[dict[str, Callable[[float, float], float]]] = {"*": operator.mul}
"""Of two numbers."""
_AGGREGATIONS: Final[dict[str, Callable[[list[float]], float]]] = {"min": min, "max": max, "sum": sum, "count": len}


class _Evaluation:
    """One query at one moment."""

    def __init__(self, history: Sequence[Series], at: float) -> None:
        self._history, self._at = history, at

    def of(self, node: Any) -> Vector | float:
        match node:
            case promql.NumberLiteral():
                return float(node.val)
            case promql.ParenExpr():
                return self.of(node.expr)
            case promql.VectorSelector():
                values = ((it.labels, it.value(self._at)) for it in self._selected(node))
                return {_labels(labels): value for labels, value in values if value is not None}
            case promql.AggregateExpr():
                return self._aggregated(node)
            case promql.Call():
                return self._called(node)
            case promql.BinaryExpr():
                return self._joined(node)
        raise NotImplementedError(str(node))

    def _vector(self, node: Any) -> Vector:
        found = self.of(node)
        assert isinstance(found, dict), str(node)
        return found

    def _selected(self, selector: Any) -> list[Series]:
        wanted = selector.matchers.matchers
        named = (it for it in self._history if it.labels[NAME] == selector.name)
        return [it for it in named if all(_matches(it.labels.get(each.name, ""), each) for each in wanted)]

    def _aggregated(self, node: Any) -> Vector:
        groups: dict[Labels, list[float]] = {}
        by = [] if node.modifier is None else node.modifier.labels
        assert node.modifier is None or node.modifier.type == promql.AggModifierType.By
        for labels, value in self._vector(node.expr).items():
            groups.setdefault(_only(labels, by), []).append(value)
        return {labels: float(_AGGREGATIONS[str(node.op)](values)) for labels, values in groups.items()}

    def _called(self, node: Any) -> Vector:
        (argument,) = node.args
        if node.func.name == "absent":
            if self._vector(argument):
                return {}
            equal = [(it.name, it.value) for it in argument.matchers.matchers if it.op == promql.MatchOp.Equal]
            return {frozenset(equal): 1.0}
        if node.func.name == "max_over_time":
            reach: timedelta = argument.range
            since = self._at - reach.total_seconds()
            values = {_labels(it.labels): it.values(since, self._at) for it in self._selected(argument.vector_selector)}
            return {_without_name(labels): max(found) for labels, found in values.items() if found}
        raise NotImplementedError(node.func.name)

    def _joined(self, node: Any) -> Vector | float:
        kind, left, right = str(node.op), self.of(node.lhs), self.of(node.rhs)
        if isinstance(left, float) and isinstance(right, float):
            return _ARITHMETIC[kind](left, right)
        assert isinstance(left, dict), str(node)
        if kind in _COMPARISONS:
            assert isinstance(right, float), str(node)
            return {labels: value for labels, value in left.items() if _COMPARISONS[kind](value, right)}
        assert isinstance(right, dict), str(node)
        matching = node.modifier and node.modifier.matching
        assert matching is None or matching.type == promql.LabelModifierType.Include

        def key(labels: Labels) -> Labels:
            return _without_name(labels) if matching is None else _only(labels, matching.labels)

        here, there = set(map(key, left)), set(map(key, right))
        match kind:
            case "and":
                return {labels: value for labels, value in left.items() if key(labels) in there}
            case "unless":
                return {labels: value for labels, value in left.items() if key(labels) not in there}
            case "or":
                return left | {labels: value for labels, value in right.items() if key(labels) not in here}
        raise NotImplementedError(kind)


def _labels(labels: Mapping[str, str]) -> Labels:
    return frozenset(labels.items())


def _only(labels: Labels, names: Sequence[str]) -> Labels:
    return frozenset(it for it in labels if it[0] in names)


def _without_name(labels: Labels) -> Labels:
    return frozenset(it for it in labels if it[0] != NAME)


def _matches(value: str, matcher: Any) -> bool:
    if matcher.op in (promql.MatchOp.Equal, promql.MatchOp.NotEqual):
        return bool((value == matcher.value) == (matcher.op == promql.MatchOp.Equal))
    return (re.fullmatch(matcher.value, value) is not None) == bool(matcher.op == promql.MatchOp.Re)
