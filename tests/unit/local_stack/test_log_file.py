"""Logs stay bounded while their writer goes on."""

from __future__ import annotations

from pathlib import Path

from cinematch.local_stack.log_file import LogFile


def test_a_log_below_its_bound_is_left_alone(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "a.log", max_bytes=100, kept_bytes=10)
    with log.open() as writer:
        writer.write(b"x" * 100)
    log.trim()
    assert log.path.stat().st_size == 100


def test_a_trimmed_log_starts_again_under_its_writer_and_keeps_the_newest_aside(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "a.log", max_bytes=100, kept_bytes=10)
    with log.open() as writer:
        writer.write(b"x" * 95 + b"0123456789")
        writer.flush()
        log.trim()
        writer.write(b"after\n")
    assert log.path.read_bytes() == b"after\n"
    assert (tmp_path / "a.log.1").read_bytes() == b"0123456789"


def test_last_lines_leave_out_blank_ones(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "a.log")
    with log.open() as writer:
        writer.write(b"one\n\ntwo\n  \nthree\n")
    assert log.last_lines(2) == ["two", "three"]


def test_a_log_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    assert LogFile(tmp_path / "none.log").last_lines(5) == []
