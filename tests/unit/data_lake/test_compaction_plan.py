"""A compaction plan keeps the chain, merges neighbours of one day, and leaves large objects alone."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from data_lake.compaction import plan
from tests.unit.data_lake.links import chain, chains, link

TARGET = 100


@settings(max_examples=100, deadline=None)
@given(chains, st.data())
def test_groups_are_the_chain_cut_into_pieces_of_one_day_up_to_the_target(
    lengths: list[int], data: st.DataObject
) -> None:
    sizes = data.draw(st.lists(st.integers(1, 130), min_size=2 * len(lengths), max_size=2 * len(lengths)))
    both = chain(lengths) + chain(lengths, partition=1)
    links = [replace(it, size_bytes=size) for it, size in zip(both, sizes, strict=True)]
    groups = plan(links, TARGET)
    assert [it for group in groups for it in group] == links
    for group in groups:
        assert len({(it.place, it.day) for it in group}) == 1
        assert len(group) == 1 or sum(it.size_bytes for it in group) <= TARGET
        assert len(group) == 1 or all(it.size_bytes < TARGET / 2 for it in group)


def test_small_neighbours_are_merged() -> None:
    links = [link(0, 1, size_bytes=20), link(1, 2, size_bytes=20), link(2, 3, size_bytes=20)]
    assert plan(links, TARGET) == [links]


def test_what_has_half_the_target_is_left_alone() -> None:
    links = [link(0, 1, size_bytes=60), link(1, 2, size_bytes=20), link(2, 3, size_bytes=20)]
    assert plan(links, TARGET) == [links[:1], links[1:]]
