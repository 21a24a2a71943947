"""The picture's two layouts: they tell of the same, and everything lies inside."""

from __future__ import annotations

import pytest

from serving_layer.dashboard.picture import PICTURES, TALL, WIDE, Picture


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


def labelled(picture: Picture) -> set[str]:
    return {arrow.edge for arrow in picture.arrows if arrow.label}
