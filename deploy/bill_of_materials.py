"""`python -m deploy.bill_of_materials`: write what a deployment consists of to deploy/sbom.cdx.json (CycloneDX).

The locked Python packages, the jars that the image fetches, the scripts that pages load, and the servers and base
images of docker-compose.yml and the Dockerfile. Needs what `make setup` fetches, and asks nobody.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from zipfile import ZipFile

import yaml

from cinematch.local_stack.jars import SPARK_ARTIFACTS
from cinematch.local_stack.minio_build import MINIO_MODULE, MINIO_VERSION
from cinematch.local_stack.toolchain import Toolchain
from cinematch.settings import load_settings

ROOT: Final = Path(__file__).parents[1]
LOCK: Final = "deploy/requirements.lock"
TARGET: Final = ROOT / "deploy" / "sbom.cdx.json"
GROUPS: Final = {
    "analyticsaccelerator-s3": "software.amazon.s3.analyticsaccelerator",
    "bson": "org.mongodb",
    "bson-record-codec": "org.mongodb",
    "kafka-clients": "org.apache.kafka",
    "mongodb-driver-core": "org.mongodb",
    "mongodb-driver-sync": "org.mongodb",
    "reactive-streams": "org.reactivestreams",
    "third-party-jackson-core": "software.amazon.awssdk",
} | {artifact.name: artifact.group for artifact in SPARK_ARTIFACTS}
"""Of jars that do not say it themselves."""
OWN_IMAGES: Final = ("cinematch", "cinematch-minio")
_JAR: Final = re.compile(r"(?P<name>.+?)-(?P<version>\d+\.\d[\w.]*)\.jar")
_SCRIPT: Final = re.compile(r"`(?P<name>[\w.-]+)@(?P<version>[\w.-]+)`")


def bill(jars: Path) -> dict[str, Any]:
    """Give the document; `jars` is the folder of the fetched ones. The same sources give the same document."""
    document = _of_packages()
    packages = [_component("library", it["name"], it["version"], it["purl"]) for it in document["components"]]
    components = [*packages, *_jars(jars), *_scripts(), *_servers()]
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


def _jars(folder: Path) -> Iterator[dict[str, Any]]:
    for jar in folder.glob("*.jar"):
        match = _JAR.fullmatch(jar.name)
        if match is None:
            raise ValueError(f"{jar.name} does not say its version")
        name, version = match["name"], match["version"]
        purl = f"pkg:maven/{_group(jar, name)}/{name}@{version}"
        digest = hashlib.sha256(jar.read_bytes()).hexdigest()
        yield _component("library", name, version, purl) | {"hashes": [{"alg": "SHA-256", "content": digest}]}


def _group(jar: Path, name: str) -> str:
    """Read it from the jar, else from our list. Raises KeyError when neither has it."""
    with ZipFile(jar) as archive:
        for entry in archive.namelist():
            found = re.fullmatch(rf"META-INF/maven/([^/]+)/{re.escape(name)}/pom\.properties", entry)
            if found:
                return found[1]
    return GROUPS[name]


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
    TARGET.write_text(json.dumps(bill(Toolchain(load_settings().cinematch_cache_dir).spark_jars()), indent=1) + "\n")


if __name__ == "__main__":
    main()
