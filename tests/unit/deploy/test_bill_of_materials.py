"""deploy/sbom.cdx.json: what a deployment installs, fetches and starts, neither more nor less."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from cinematch.local_stack.jars import SPARK_ARTIFACTS
from deploy.bill_of_materials import OWN_IMAGES, TARGET, bill

ROOT = Path(__file__).parents[3]
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)", re.MULTILINE)


def listed(kind: str) -> set[tuple[str, str]]:
    """Name and version of each component whose package URL is of this kind."""
    components: list[dict[str, Any]] = json.loads(TARGET.read_text())["components"]
    return {(it["name"], it["version"]) for it in components if it["purl"].startswith(f"pkg:{kind}/")}


def test_it_is_what_make_sbom_writes() -> None:
    assert json.loads(TARGET.read_text()) == bill(), "run `make sbom`"


def test_it_is_cyclonedx() -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(TARGET.read_text()) is None


def test_its_python_packages_are_those_of_the_lock_file() -> None:
    assert listed("pypi") == set(PINNED.findall((ROOT / "deploy/requirements.lock").read_text()))


def test_its_jars_are_those_that_the_image_fetches(spark_jars: Path) -> None:
    assert {f"{name}-{version}.jar" for name, version in listed("maven")} == {jar.name for jar in spark_jars.iterdir()}
    assert {(it.name, it.version) for it in SPARK_ARTIFACTS} <= listed("maven")


def test_its_servers_are_those_of_compose() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"].values()
    started = {tuple(service["image"].rsplit(":", 1)) for service in services}
    assert {(name, version) for name, version in started if name not in OWN_IMAGES} <= listed("docker")
    assert {name for name, _ in listed("golang")} == {"minio"}
