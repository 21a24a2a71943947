"""What the doctor says about a machine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cinematch.local_stack.doctor import GIB, Finding, Machine, Verdict, examine

HEALTHY = Machine(
    python_version=(3, 11, 7),
    memory_available_bytes=16 * GIB,
    disk_free_bytes=50 * GIB,
    programs={"Java": "", "mongod": ""},
)


def finding(machine: Machine, subject: str) -> Finding:
    return next(found for found in examine(machine) if found.subject == subject)


def test_a_healthy_machine_gets_no_advice() -> None:
    assert {found.verdict for found in examine(HEALTHY)} == {Verdict.GOOD}
    assert not any(found.advice for found in examine(HEALTHY))


def test_a_missing_program_is_bad_and_its_remedy_is_told() -> None:
    found = finding(replace(HEALTHY, programs={"Java": "install a JDK"}), "Java")
    assert (found.verdict, found.advice) == (Verdict.BAD, "install a JDK")


def test_an_old_python_is_bad() -> None:
    assert finding(replace(HEALTHY, python_version=(3, 9, 1)), "Python").verdict is Verdict.BAD


@pytest.mark.parametrize(("free", "verdict"), [(8, Verdict.GOOD), (3, Verdict.WARNING), (1, Verdict.BAD)])
def test_memory_is_judged_by_what_the_stack_takes(free: int, verdict: Verdict) -> None:
    assert finding(replace(HEALTHY, memory_available_bytes=free * GIB), "memory").verdict is verdict


@pytest.mark.parametrize(("free", "verdict"), [(8, Verdict.GOOD), (3, Verdict.WARNING), (0, Verdict.BAD)])
def test_disk_is_judged_by_what_the_stack_takes(free: int, verdict: Verdict) -> None:
    assert finding(replace(HEALTHY, disk_free_bytes=free * GIB), "disk").verdict is verdict


def test_a_busy_port_is_a_warning_that_names_it() -> None:
    found = finding(replace(HEALTHY, busy_ports={"mongodb": 27017}), "ports")
    assert found.verdict is Verdict.WARNING
    assert "27017 (mongodb)" in found.found


def test_ports_of_the_running_stack_are_no_finding() -> None:
    machine = replace(HEALTHY, busy_ports={"mongodb": 27017}, stack_runs=True)
    assert finding(machine, "ports").verdict is Verdict.GOOD


def test_what_is_not_installed_yet_is_a_warning() -> None:
    assert finding(replace(HEALTHY, toolchain_installed=False), "jars and MinIO").verdict is Verdict.WARNING
