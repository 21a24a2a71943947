"""`python -m deploy.bill_of_materials`: write what a deployment consists of to deploy/sbom.cdx.json (CycloneDX).

The locked Python packages, the jars that the image fetches, the scripts that pages load, and the servers and base
images of docker-compose.yml and the Dockerfile. Asks nobody.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from cinematch.local_stack.jars import SPARK, locked
from cinematch.local_stack.minio_build import MINIO_MODULE, MINIO_VERSION

ROOT: Final = Path(__file__).parents[1]
LOCK: Final = "deploy/requirements.lock"
TARGET: Final = ROOT / "deploy" / "sbom.cdx.json"
OWN_IMAGES: Final = ("cinematch", "cinematch-minio")
_SCRIPT: Final = re.compile(r"`(?P<name>[\w.-]+)@(?P<version>[\w.-]+)`")


def bill() -> dict[str, Any]:
    """Give the document. The same sources give the same one."""
    document = _of_packages()
    packages = [_component("library", it["name"], it["version"], it["purl"]) for it in document["components"]]
    components = [*packages, *_jars(), *_scripts(), *_servers()]
    components.sort(key=lambda it: str(it["purl"]))
    return {
        **{name: document[name] for name in ("$schema", "bomFormat", "specVersion", "version")},
        "metadata": {"component": document["metadata"]["component"]},
        "components": components,
        "dependencies": [{"ref": document["metadata"]["component"]["bom-ref"], "dependsOn": _names(components)}],
    }


def _of_packages() -> dict[str, Any]:
    """Have cyclonedx-bom read the lock file, which also has the digests."""
    command = [sys.executable, "-m", "cyclonedx_py", "requirements", LOCK, "--pyproject", "pyproject.toml"]
    written = subprocess.run([*command, "--output-reproducible"], cwd=ROOT, capture_output=True, check=True)
    document: dict[str, Any] = json.loads(written.stdout)
    return document


def _jars() -> Iterator[dict[str, Any]]:
    for (group, name, version), digest in locked(SPARK):
        purl = f"pkg:maven/{group}/{name}@{version}"
        yield _component("library", name, version, purl) | {"hashes": [{"alg": "SHA-256", "content": digest}]}


def _scripts() -> Iterator[dict[str, Any]]:
    vendored = (ROOT / "serving_layer/dashboard/static/vendor/README.md").read_text()
    for name, version in _SCRIPT.findall(vendored):
        yield _component("library", name, version, f"pkg:npm/{name}@{version}")


def _servers() -> Iterator[dict[str, Any]]:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"].values()
    bases = re.findall(r"^FROM ([^\s:]+:\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    for image in {service["image"] for service in services} | set(bases):
        name, version = image.rsplit(":", 1)
        if name not in OWN_IMAGES:
            yield _component("container", name, version, f"pkg:docker/{name}@{version}")
    yield _component("application", "minio", MINIO_VERSION, f"pkg:golang/{MINIO_MODULE}@{MINIO_VERSION}")


def _component(kind: str, name: str, version: str, purl: str) -> dict[str, Any]:
    return {"type": kind, "bom-ref": purl, "name": name, "version": version, "purl": purl}


def _names(components: list[dict[str, Any]]) -> list[str]:
    return [str(it["bom-ref"]) for it in components]


def main() -> None:
    """Write the file."""
    TARGET.write_text(json.dumps(bill(), indent=1) + "\n")


if __name__ == "__main__":
    main()
