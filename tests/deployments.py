"""What the deployments tell our processes: the environment of a container, as its manifest writes it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
KUBERNETES = ROOT / "deploy" / "kubernetes"
DEFAULT = re.compile(r"\$\{\w+:-(\w+)\}")
PASSWORD = re.compile(r"\$\{(\w+):\?[^}]*\}")


def compose_environment(service: str) -> dict[str, str]:
    """Give the variables of a service; those that a user may set have their defaults, passwords their own names."""
    environment = COMPOSE["services"][service]["environment"]
    return {variable: PASSWORD.sub(r"\1", DEFAULT.sub(r"\1", value)) for variable, value in environment.items()}


def kubernetes_documents() -> list[dict[str, Any]]:
    """Give every manifest that is applied."""
    names = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())["resources"]
    return [document for name in names for document in yaml.safe_load_all((KUBERNETES / name).read_text())]


def kubernetes_environment(deployment: str) -> dict[str, str]:
    """Give the variables of a Deployment's container, without those of Secrets."""
    documents = {(it["kind"], it["metadata"]["name"]): it for it in kubernetes_documents()}
    shared: dict[str, str] = documents["ConfigMap", "cinematch-settings"]["data"]
    (container,) = documents["Deployment", deployment]["spec"]["template"]["spec"]["containers"]
    return shared | {it["name"]: it["value"] for it in container.get("env", ()) if "value" in it}
