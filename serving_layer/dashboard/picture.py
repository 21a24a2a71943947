"""The architecture as a picture: boxes and arrows, laid out once for wide screens and once for narrow ones.

The template draws it as SVG; a script fills in what passes along each arrow (`data-edge`) and how each box does
(`data-node`). The words are messages, by the boxes' names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Direction = Literal["right", "down", "up", "left"]


@dataclass(frozen=True, slots=True)
class Box:
    """A layer (rounded) or a store, by its left upper corner; all lengths are units of the picture."""

    x: int
    y: int
    width: int
    height: int = 54
    is_store: bool = False

    @property
    def middle(self) -> tuple[int, int]:
        """Give the centre."""
        return self.x + self.width // 2, self.y + self.height // 2


@dataclass(frozen=True, slots=True)
class Arrow:
    """From one box to another, leaving and arriving in one direction; `label`: where its figures stand, if it has any.

    `edge`: whose figures it shows; several arrows may belong to one edge.
    """

    edge: str
    path: str
    label: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """One layout; `text_size` is chosen for the width at which it is shown."""

    name: str
    width: int
    height: int
    text_size: int
    boxes: Mapping[str, Box]
    arrows: tuple[Arrow, ...]


def _arrow(boxes: Mapping[str, Box], edge: str, start: str, end: str, direction: Direction, labelled: bool) -> Arrow:
    """Draw from the edge of one box to that of the other; when they are not in line, it bends soon after its start."""
    x1, y1 = _side(boxes[start], direction)
    x2, y2 = _side(boxes[end], _OPPOSITE[direction])
    if direction in ("right", "left"):
        bend = x1 + _BEND
        path, label = f"M{x1} {y1}H{bend}V{y2}H{x2}", ((x1 + x2) // 2 if y1 == y2 else (bend + x2) // 2, y2)
    else:
        path, label = f"M{x1} {y1}V{(y1 + y2) // 2}H{x2}V{y2}", (x2, (y1 + y2) // 2)
    return Arrow(edge, path, label if labelled else None)


def _side(box: Box, direction: Direction) -> tuple[int, int]:
    x, y = box.middle
    match direction:
        case "right":
            return box.x + box.width, y
        case "left":
            return box.x, y
        case "down":
            return x, box.y + box.height
        case "up":
            return x, box.y


_BEND: Final = 20
_OPPOSITE: Final[Mapping[Direction, Direction]] = {"right": "left", "left": "right", "down": "up", "up": "down"}

_WIDE_BOXES: Final = {
    "clients": Box(0, 173, 92),
    "ingestion": Box(194, 173, 120),
    "kafka": Box(424, 173, 104, is_store=True),
    "micro_batch": Box(580, 48, 124),
    "user_stats": Box(826, 4, 150, is_store=True),
    "global_stats": Box(826, 92, 150, is_store=True),
    "speed_layer": Box(580, 188, 124),
    "redis": Box(826, 188, 150, is_store=True),
    "data_lake": Box(580, 300, 124),
    "lake": Box(826, 300, 150, is_store=True),
    "batch_layer": Box(1096, 300, 130),
    "user_stats_batch": Box(1086, 204, 150, is_store=True),
    "serving_layer": Box(1096, 48, 130),
}
_TALL_BOXES: Final = {
    "clients": Box(110, 0, 120, 40),
    "ingestion": Box(95, 90, 150, 48),
    "kafka": Box(20, 198, 300, 48, is_store=True),
    "micro_batch": Box(0, 290, 104, 48),
    "user_stats": Box(14, 398, 90, 48, is_store=True),
    "global_stats": Box(0, 506, 90, 48, is_store=True),
    "speed_layer": Box(118, 290, 104, 48),
    "redis": Box(118, 398, 104, 48, is_store=True),
    "data_lake": Box(236, 290, 104, 48),
    "lake": Box(236, 398, 104, 48, is_store=True),
    "batch_layer": Box(236, 506, 104, 48),
    "user_stats_batch": Box(236, 614, 104, 48, is_store=True),
    "serving_layer": Box(20, 706, 300, 48),
}

WIDE: Final = Picture(
    "wide",
    1240,
    360,
    13,
    _WIDE_BOXES,
    (
        _arrow(_WIDE_BOXES, "outbox", "clients", "ingestion", "right", True),
        _arrow(_WIDE_BOXES, "relay", "ingestion", "kafka", "right", True),
        _arrow(_WIDE_BOXES, "micro_batch", "kafka", "micro_batch", "right", False),
        _arrow(_WIDE_BOXES, "user_stats", "micro_batch", "user_stats", "right", True),
        _arrow(_WIDE_BOXES, "global_trends", "micro_batch", "global_stats", "right", True),
        _arrow(_WIDE_BOXES, "speed", "kafka", "speed_layer", "right", False),
        _arrow(_WIDE_BOXES, "speed", "speed_layer", "redis", "right", True),
        _arrow(_WIDE_BOXES, "lake", "kafka", "data_lake", "right", False),
        _arrow(_WIDE_BOXES, "lake", "data_lake", "lake", "right", True),
        _arrow(_WIDE_BOXES, "batch", "lake", "batch_layer", "right", True),
        _arrow(_WIDE_BOXES, "published", "batch_layer", "user_stats_batch", "up", False),
        _arrow(_WIDE_BOXES, "published", "user_stats_batch", "serving_layer", "up", True),
        _arrow(_WIDE_BOXES, "user_stats", "user_stats", "serving_layer", "right", False),
        _arrow(_WIDE_BOXES, "global_trends", "global_stats", "serving_layer", "right", False),
        _arrow(_WIDE_BOXES, "speed", "redis", "serving_layer", "right", False),
    ),
)
TALL: Final = Picture(
    "tall",
    340,
    760,
    12,
    _TALL_BOXES,
    (
        _arrow(_TALL_BOXES, "outbox", "clients", "ingestion", "down", True),
        _arrow(_TALL_BOXES, "relay", "ingestion", "kafka", "down", True),
        Arrow("micro_batch", "M52 246V290"),
        Arrow("speed", "M170 246V290"),
        Arrow("lake", "M288 246V290"),
        Arrow("user_stats", "M59 338V398", (59, 368)),
        Arrow("user_stats", "M98 446V706"),
        Arrow("global_trends", "M6 330V506", (50, 476)),
        _arrow(_TALL_BOXES, "speed", "speed_layer", "redis", "down", True),
        _arrow(_TALL_BOXES, "lake", "data_lake", "lake", "down", True),
        _arrow(_TALL_BOXES, "batch", "lake", "batch_layer", "down", True),
        _arrow(_TALL_BOXES, "published", "batch_layer", "user_stats_batch", "down", True),
        Arrow("published", "M288 662V706"),
        Arrow("speed", "M170 446V706"),
        Arrow("global_trends", "M45 554V706"),
    ),
)
PICTURES: Final = (WIDE, TALL)
