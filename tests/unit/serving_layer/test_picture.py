"""The picture's two layouts: they tell of the same, everything lies inside, and every line and figure stands alone."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest

from serving_layer.dashboard.picture import PICTURES, TALL, WIDE, Arrow, Box, Picture, Point

CORNER = 16
"""The radius of a layer's corners; see the template."""
LINE = 2
"""Half the width of the widest line."""
LABEL_WIDTH = 75
ABOVE, BELOW = 14, 16
"""How far a label beside a line reaches, about: two lines of text."""
Area = tuple[int, int, int, int]
"""Left, top, right, bottom."""


def test_both_layouts_have_the_same_boxes_and_tell_the_same_figures() -> None:
    assert WIDE.boxes.keys() == TALL.boxes.keys()
    assert labelled(WIDE) == labelled(TALL)
    assert {arrow.edge for arrow in WIDE.arrows} >= labelled(WIDE)


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_boxes_lie_inside_and_apart(picture: Picture) -> None:
    boxes = list(picture.boxes.values())
    for place, box in enumerate(boxes):
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= picture.width
        assert box.y + box.height <= picture.height
        for other in boxes[place + 1 :]:
            beside = box.x + box.width <= other.x or other.x + other.width <= box.x
            above = box.y + box.height <= other.y or other.y + other.height <= box.y
            assert beside or above


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_edges_have_no_stretch_in_common_for_each_shows_its_own_state(picture: Picture) -> None:
    for one, other in combinations(picture.arrows, 2):
        if one.edge != other.edge:
            assert not any(overlap(a, b) for a in areas(one) for b in areas(other)), (one, other)


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_arrows_lead_from_side_to_side_and_never_to_a_corner(picture: Picture) -> None:
    for arrow in picture.arrows:
        for end in (arrow.points[0], arrow.points[-1]):
            assert any(is_on_side(end, box) for box in picture.boxes.values()), (arrow, end)


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_figures_stand_on_no_line_and_on_no_box(picture: Picture) -> None:
    for arrow in picture.arrows:
        for text in texts(arrow):
            assert not any(overlap(text, line) for other in picture.arrows for line in areas(other)), arrow
            assert not any(overlap(text, area(box)) for box in picture.boxes.values()), arrow


def test_a_head_ends_where_its_arrow_does_and_the_line_before_it() -> None:
    arrow = Arrow("relay", ((0, 0), (20, 0), (20, 50)))
    assert (arrow.path, arrow.head) == ("M0 0L20 0L20 42", "M20 50L25 42L15 42z")
    level = Arrow("relay", ((0, 0), (30, 0)))
    assert (level.path, level.head) == ("M0 0L22 0", "M30 0L22 5L22 -5z")


def areas(arrow: Arrow) -> list[Area]:
    """Give what the stretches of a line cover at its widest."""
    return [
        (min(x1, x2) - LINE, min(y1, y2) - LINE, max(x1, x2) + LINE, max(y1, y2) + LINE)
        for (x1, y1), (x2, y2) in pairwise(arrow.points)
    ]


def texts(arrow: Arrow) -> list[Area]:
    """Give what an arrow's two figures cover, about."""
    if arrow.label is None:
        return []
    (x, y), half = arrow.label.at, LABEL_WIDTH // 2
    match arrow.label.side:
        case "around":
            return [(x - half, y - 18, x + half, y - 5), (x - half, y + 5, x + half, y + 20)]
        case "right":
            return [(x + 8, y - ABOVE, x + 8 + LABEL_WIDTH, y + BELOW)]
        case "left":
            return [(x - 8 - LABEL_WIDTH, y - ABOVE, x - 8, y + BELOW)]


def area(box: Box) -> Area:
    return box.x, box.y, box.x + box.width, box.y + box.height


def overlap(one: Area, other: Area) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def is_on_side(point: Point, box: Box) -> bool:
    x, y = point
    corner = 6 if box.is_store else CORNER
    beside = x in (box.x, box.x + box.width) and box.y + corner <= y <= box.y + box.height - corner
    above = y in (box.y, box.y + box.height) and box.x + corner <= x <= box.x + box.width - corner
    return beside or above


def labelled(picture: Picture) -> set[str]:
    return {arrow.edge for arrow in picture.arrows if arrow.label}
