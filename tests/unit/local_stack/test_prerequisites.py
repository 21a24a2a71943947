"""What is asked of the machine, and the one sentence when it is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from cinematch.local_stack.prerequisites import (
    VECTOR_MODULE,
    MissingPrerequisite,
    check_python,
    find_java,
    java_candidates,
    java_problem,
)


@pytest.mark.parametrize("version", [(3, 11, 2), (3, 12, 0), (3, 13, 1)])
def test_supported_pythons_pass(version: tuple[int, ...]) -> None:
    check_python(version)


@pytest.mark.parametrize("version", [(3, 10, 9), (3, 14, 0), (2, 7, 18)])
def test_other_pythons_get_a_sentence_that_names_them(version: tuple[int, ...]) -> None:
    with pytest.raises(MissingPrerequisite, match=f"this is Python {version[0]}.{version[1]}"):
        check_python(version)


@pytest.mark.parametrize("version", ["17.0.15", "21"])
def test_a_full_jdk_passes(version: str) -> None:
    assert java_problem({"java.base": version, VECTOR_MODULE: version}) is None


@pytest.mark.parametrize(
    ("modules", "words"),
    [
        ({}, "does not run"),
        ({"java.base": "11.0.2", VECTOR_MODULE: "11.0.2"}, "is Java 11"),
        ({"java.base": "17.0.15"}, f"without the module {VECTOR_MODULE}"),
    ],
)
def test_other_javas_are_refused_with_the_reason(modules: dict[str, str], words: str) -> None:
    assert words in (java_problem(modules) or "")


def test_java_home_comes_before_path(tmp_path: Path) -> None:
    on_path = tmp_path / "bin" / "java"
    on_path.parent.mkdir()
    on_path.touch(mode=0o755)
    candidates = java_candidates({"JAVA_HOME": "/opt/chosen", "PATH": str(on_path.parent)})
    assert [next(candidates), next(candidates)] == [Path("/opt/chosen/bin/java"), on_path]


def test_a_runtime_that_is_not_a_jdk_is_passed_over(tmp_path: Path) -> None:
    """JAVA_HOME leads to a program that is no Java at all, so another one of the machine is taken."""
    fake = tmp_path / "bin" / "java"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\nexit 3\n")
    fake.chmod(0o755)
    assert find_java({"JAVA_HOME": str(tmp_path), "PATH": "/usr/bin"}) != fake
