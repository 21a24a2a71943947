"""Running measures: what fails is told and the others go on; a quick run ends in time."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import __main__ as runner
from benchmarks import results
from benchmarks.rows import Findings, alone

Work = Callable[[bool], Findings]


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Put the process's signal handlers back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGALRM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., tuple[int, list[str]]]:
    """Run measures that stand in for `posts` and `sizes`; give the exit code and the rows that were written."""
    read, write = results.read, results.write

    def run(posts: Work, sizes: Work, *arguments: str, seconds: float = 5.0) -> tuple[int, list[str]]:
        works = {"posts": posts, "sizes": sizes}
        monkeypatch.setattr(
            runner,
            "load",
            lambda name: SimpleNamespace(TITLE=name, SECONDS=(seconds, seconds), measure=works[name]),
        )
        monkeypatch.setattr(results, "read", lambda: read(tmp_path))
        monkeypatch.setattr(results, "write", lambda found: write(found, tmp_path))
        code = runner.main(["posts", "sizes", *arguments])
        return code, [row.measure for row in read(tmp_path).rows]

    return run


def found(name: str) -> Work:
    return lambda quick: Findings([alone(f"{name} {'quick' if quick else 'full'}", "ms", [1.0])])


def broken(_: bool) -> Findings:
    raise ValueError("the server is away")


def broken_after(findings: Findings) -> Work:
    def work(quick: bool) -> Findings:
        with findings.part("the other part"):
            return broken(quick)

    return work


def endless(_: bool) -> Findings:
    time.sleep(30)
    raise AssertionError("nobody stopped it")


def test_all_that_were_asked_for_are_measured(run: Callable[..., tuple[int, list[str]]]) -> None:
    assert run(found("posts"), found("sizes"), "--quick") == (0, ["posts quick", "sizes quick"])


def test_what_fails_does_not_keep_the_others(run: Callable[..., tuple[int, list[str]]]) -> None:
    assert run(broken, found("sizes")) == (1, ["sizes full"])


def test_the_parts_before_a_failure_are_kept(run: Callable[..., tuple[int, list[str]]]) -> None:
    assert run(broken_after(found("one")(False)), found("sizes")) == (1, ["one full", "sizes full"])


def test_a_failure_before_any_part_keeps_the_rows_of_before(run: Callable[..., tuple[int, list[str]]]) -> None:
    run(found("posts"), found("sizes"))
    assert run(broken_after(Findings()), found("sizes")) == (1, ["posts full", "sizes full"])


def test_what_takes_too_long_is_stopped(run: Callable[..., tuple[int, list[str]]]) -> None:
    assert run(endless, found("sizes"), seconds=0.2) == (1, ["sizes full"])


def test_a_quick_run_leaves_out_what_it_has_no_time_for(
    run: Callable[..., tuple[int, list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "QUICK_SECONDS", 0.2)
    assert run(endless, found("sizes"), "--quick") == (1, [])


def test_sigterm_keeps_what_was_measured(run: Callable[..., tuple[int, list[str]]]) -> None:
    def terminated(_: bool) -> Findings:
        signal.raise_signal(signal.SIGTERM)
        raise AssertionError("nobody stopped it")

    assert run(found("posts"), terminated) == (runner.STOPPED, ["posts full"])
