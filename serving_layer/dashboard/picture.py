"""The architecture as a picture: boxes and arrows, laid out once for wide screens and once for narrow ones.

The template draws it as SVG; a script fills in what passes along each arrow (`data-edge`) and how each box does
(`data-node`). The words are messages, by the boxes' names. Arrows of different edges have no stretch in common, for
each shows a state of its own; and no figures stand on a line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Point = tuple[int, int]
Side = Literal["around", "right", "left"]
HEAD_LENGTH: Final = 8
HEAD_WIDTH: Final = 10


@dataclass(frozen=True, slots=True)
class Box:
    """A layer (rounded) or a store, by its left upper corner; all lengths are units of the picture."""

    x: int
    y: int
    width: int
    height: int = 54
    is_store: bool = False

    @property
    def middle(self) -> Point:
        """Give the centre."""
        return self.x + self.width // 2, self.y + self.height // 2

    def left(self, down: int = 0) -> Point:
        """Give the middle of the left side, or a point so far below it."""
        return self.x, self.middle[1] + down

    def right(self, down: int = 0) -> Point:
        """Give the middle of the right side, or a point so far below it."""
        return self.x + self.width, self.middle[1] + down


@dataclass(frozen=True, slots=True)
class Label:
    """Where an arrow's two figures stand: around a point of a level line (one above, one below), or beside it."""

    at: Point
    side: Side


@dataclass(frozen=True, slots=True)
class Arrow:
    """From box to box through `points`, level and upright in turn; several arrows may belong to one edge."""

    edge: str
    points: tuple[Point, ...]
    label: Label | None = None

    @property
    def path(self) -> str:
        """Give the line, which ends where the head begins."""
        *before, (x, y) = self.points
        forward, down = self._direction
        line = [*before, (x - HEAD_LENGTH * forward, y - HEAD_LENGTH * down)]
        return "M" + "L".join(f"{x} {y}" for x, y in line)

    @property
    def head(self) -> str:
        """Give the head."""
        x, y = self.points[-1]
        forward, down = self._direction
        back, half = (x - HEAD_LENGTH * forward, y - HEAD_LENGTH * down), HEAD_WIDTH // 2
        corners = [(back[0] + sign * half * down, back[1] + sign * half * forward) for sign in (1, -1)]
        return "M" + "L".join(f"{x} {y}" for x, y in [(x, y), *corners]) + "z"

    @property
    def _direction(self) -> Point:
        (x1, y1), (x2, y2) = self.points[-2:]
        return (x2 > x1) - (x2 < x1), (y2 > y1) - (y2 < y1)


@dataclass(frozen=True, slots=True)
class Picture:
    """One layout; `text_size` is chosen for the width at which it is shown."""

    name: str
    width: int
    height: int
    text_size: int
    boxes: Mapping[str, Box]
    arrows: tuple[Arrow, ...]


def _level(edge: str, start: Point, end: Point, bend: int | None = None, *, labelled: bool = False) -> Arrow:
    """Lead to the right; with `bend`, upright at that x. Figures stand around the last stretch."""
    (x1, y1), (x2, y2) = start, end
    points = (start, end) if bend is None else (start, (bend, y1), (bend, y2), end)
    label = Label((((x1 if bend is None else bend) + x2 - HEAD_LENGTH) // 2, y2), "around")
    return Arrow(edge, points, label if labelled else None)


def _upright(edge: str, x: int, start: int, end: int, side: Side | None = None, at: int | None = None) -> Arrow:
    """Lead from one y to another; figures stand at that side, in the middle or at the y that is given."""
    label = Label((x, (start + end) // 2 if at is None else at), side) if side else None
    return Arrow(edge, ((x, start), (x, end)), label)


_WIDE: Final = {
    "clients": Box(0, 96, 128),
    "ingestion": Box(0, 236, 128),
    "kafka": Box(256, 40, 104, 322, is_store=True),
    "micro_batch": Box(430, 48, 124),
    "user_stats": Box(686, 4, 150, is_store=True),
    "global_stats": Box(686, 92, 150, is_store=True),
    "speed_layer": Box(430, 196, 124),
    "redis": Box(686, 196, 150, is_store=True),
    "data_lake": Box(430, 308, 124),
    "lake": Box(686, 308, 150, is_store=True),
    "batch_layer": Box(942, 308, 130),
    "user_stats_batch": Box(932, 204, 150, is_store=True),
    "serving_layer": Box(942, 40, 130, 70),
}
_LOG_ENDS: Final = _WIDE["kafka"].x + _WIDE["kafka"].width
WIDE: Final = Picture(
    "wide",
    1082,
    366,
    13,
    _WIDE,
    (
        _upright("outbox", 64, 150, 236, "right"),
        _level("relay", _WIDE["ingestion"].right(), (_WIDE["kafka"].x, 263), labelled=True),
        _level("micro_batch", (_LOG_ENDS, 75), _WIDE["micro_batch"].left()),
        _level("user_stats", _WIDE["micro_batch"].right(-9), _WIDE["user_stats"].left(), 574, labelled=True),
        _level("global_trends", _WIDE["micro_batch"].right(9), _WIDE["global_stats"].left(), 574, labelled=True),
        _level("speed", (_LOG_ENDS, 223), _WIDE["speed_layer"].left()),
        _level("speed", _WIDE["speed_layer"].right(), _WIDE["redis"].left(), labelled=True),
        _level("lake", (_LOG_ENDS, 335), _WIDE["data_lake"].left()),
        _level("lake", _WIDE["data_lake"].right(), _WIDE["lake"].left(), labelled=True),
        _level("batch", _WIDE["lake"].right(), _WIDE["batch_layer"].left(), labelled=True),
        _upright("published", 1007, 308, 258),
        _upright("published", 1007, 204, 110, "left"),
        _level("user_stats", _WIDE["user_stats"].right(), _WIDE["serving_layer"].left(-17), 866),
        _level("global_trends", _WIDE["global_stats"].right(), _WIDE["serving_layer"].left(), 866),
        _level("speed", _WIDE["redis"].right(), _WIDE["serving_layer"].left(17), 896),
    ),
)

_TALL: Final = {
    "clients": Box(111, 0, 130, 40),
    "ingestion": Box(101, 88, 150, 48),
    "kafka": Box(0, 184, 352, 48, is_store=True),
    "micro_batch": Box(0, 264, 124, 48),
    "user_stats": Box(34, 360, 90, 48, is_store=True),
    "global_stats": Box(0, 456, 98, 48, is_store=True),
    "speed_layer": Box(132, 264, 104, 48),
    "redis": Box(132, 360, 104, 48, is_store=True),
    "data_lake": Box(244, 264, 108, 48),
    "lake": Box(244, 360, 108, 48, is_store=True),
    "batch_layer": Box(244, 456, 108, 48),
    "user_stats_batch": Box(244, 552, 108, 48, is_store=True),
    "serving_layer": Box(0, 634, 352, 48),
}
TALL: Final = Picture(
    "tall",
    352,
    682,
    12,
    _TALL,
    (
        _upright("outbox", 176, 40, 88, "right"),
        _upright("relay", 176, 136, 184, "right"),
        _upright("micro_batch", 62, 232, 264),
        _upright("user_stats", 48, 312, 360, "right"),
        _upright("user_stats", 112, 408, 634),
        _upright("global_trends", 20, 312, 456, "right", at=428),
        _upright("global_trends", 49, 504, 634),
        _upright("speed", 150, 232, 264),
        _upright("speed", 150, 312, 360, "right"),
        _upright("speed", 150, 408, 634),
        _upright("lake", 262, 232, 264),
        _upright("lake", 262, 312, 360, "right"),
        _upright("batch", 262, 408, 456, "right"),
        _upright("published", 262, 504, 552, "right"),
        _upright("published", 262, 600, 634),
    ),
)
PICTURES: Final = (WIDE, TALL)
