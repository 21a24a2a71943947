"""The verification finds every gap, overlap and false account, and nothing in a sound chain."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_lake.verification import verify_chains, verify_file, verify_offsets
from tests.unit.data_lake.links import chain, chains, link


@settings(max_examples=60, deadline=None)
@given(chains, st.randoms())
def test_a_sound_chain_has_no_fault_in_whatever_order(lengths: list[int], random: object) -> None:
    links = chain(lengths) + chain(lengths, partition=1)
    random.shuffle(links)  # type: ignore[attr-defined]
    reports = verify_chains(links)
    assert [report.faults + report.losses for report in reports] == [[], []] if lengths else not reports
    assert [report.rows for report in reports] == [sum(lengths)] * len(reports)


@settings(max_examples=60, deadline=None)
@given(chains.filter(lambda it: len(it) > 1), st.data())
def test_a_missing_object_is_a_gap(lengths: list[int], data: st.DataObject) -> None:
    links = chain(lengths)
    del links[data.draw(st.integers(0, len(links) - 2))]  # the last one may always be still to come
    (report,) = verify_chains(links)
    assert any("gap" in fault for fault in report.faults)


@settings(max_examples=60, deadline=None)
@given(chains.filter(lambda it: len(it) > 1), st.data())
def test_an_object_that_reaches_into_the_next_is_an_overlap(lengths: list[int], data: st.DataObject) -> None:
    links = chain(lengths)
    position = data.draw(st.integers(0, len(links) - 2))
    longer = replace(links[position], next_offset=links[position].next_offset + 1, rows=links[position].rows + 1)
    (report,) = verify_chains([*links[:position], longer, *links[position + 1 :]])
    assert any("overlap" in fault for fault in report.faults)


def test_two_objects_of_one_start_are_an_overlap() -> None:
    first = link(0, 10)
    (report,) = verify_chains([first, replace(first, key=first.key.replace("dt=2026", "dt=2027"))])
    assert any("overlap" in fault for fault in report.faults)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"rows": 11}, "accounts for 1 offsets too many"),
        ({"next_offset": 0, "rows": 0}, "covers no offset"),
        ({"partition": 3}, "its name and its metadata differ"),
    ],
)
def test_a_false_account_is_named(change: dict[str, int], fault: str) -> None:
    (report,) = verify_chains([replace(link(0, 10), **change)])  # type: ignore[arg-type]
    assert any(fault in text for text in report.faults)


def test_holes_are_no_fault_and_are_counted() -> None:
    (report,) = verify_chains([replace(link(0, 10), rows=7, rejected=1)])
    assert (report.faults, report.holes) == ([], 2)


def test_offsets_deleted_before_the_lake_began_are_no_loss_later_ones_are() -> None:
    (report,) = verify_chains([replace(link(0, 10), rows=6, lost=4), replace(link(10, 20), rows=8, lost=2)])
    assert (report.begins_at, report.lost, report.faults, len(report.losses)) == (4, 6, [], 1)


def test_objects_of_a_topic_that_was_created_again_are_named() -> None:
    (report,) = verify_chains([link(0, 10), replace(link(10, 20), topic_id="another")])
    assert any("created again" in fault for fault in report.faults)


def test_a_footer_that_says_something_else_is_named() -> None:
    it = link(0, 10)
    assert verify_file(it, it, 10) == []
    assert "footer" in verify_file(it, replace(it, next_offset=11), 10)[0]
    assert "has 9 rows, but accounts for 10" in verify_file(it, it, 9)[0]


def test_offsets_of_rows_must_lie_in_the_range_and_be_unique() -> None:
    it = link(5, 10)
    assert verify_offsets(it, pa.chunked_array([[9, 5, 7]])) == []
    assert "other offsets" in verify_offsets(it, pa.chunked_array([[5, 10]]))[0]
    assert "twice" in verify_offsets(it, pa.chunked_array([[5, 6, 5]]))[0]
