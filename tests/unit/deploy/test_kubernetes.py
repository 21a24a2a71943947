"""The manifests: valid, in agreement with one another, with the settings and the commands, and without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest
import yaml

from cinematch.api.exposure import check_exposure
from cinematch.contracts.privileges import privileges
from cinematch.local_stack import layers
from cinematch.local_stack.data_folder import DataFolder
from cinematch.settings import Authentication, Settings
from tests.commands import KNOWN_VARIABLES, SPARK_VARIABLES, check_command
from tests.deployments import KUBERNETES as FOLDER
from tests.deployments import kubernetes_documents, kubernetes_environment

VERSIONS = ("1.33", "1.37")
KUSTOMIZATION: dict[str, Any] = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
DOCUMENTS = kubernetes_documents()
SCHEDULED = {"batch", "lake-compaction", "audit", "batch-metrics"}
"""What the scheduler does elsewhere."""
TOKEN_SECRET = "cinematch-token-key"
SECRET_KEYS = {
    "KAFKA_SECURITY_PROTOCOL",
    "KAFKA_SASL_USERNAME",
    "KAFKA_SASL_PASSWORD",
    "MONGODB_URL",
    "REDIS_URL",
    "S3_ACCESS_KEY_ID",
    "S3_SECRET_ACCESS_KEY",
}
ACCESS: dict[str, Any] = yaml.safe_load((FOLDER / "access" / "job.yaml").read_text())
"""Applied by hand, before the system."""
USERS = {it.layer for it in privileges(Settings())}


def name_of(document: dict[str, Any]) -> str:
    return f"{document['kind']}/{document['metadata']['name']}"


def named(kind: str) -> set[str]:
    return {it["metadata"]["name"] for it in DOCUMENTS if it["kind"] == kind}


def pod_spec(document: dict[str, Any]) -> dict[str, Any]:
    spec = document["spec"]
    template = spec["jobTemplate"]["spec"]["template"] if document["kind"] == "CronJob" else spec["template"]
    pod: dict[str, Any] = template["spec"]
    return pod


WORKLOADS = {name_of(it): it for it in DOCUMENTS if it["kind"] in {"Deployment", "CronJob"}}
PODS = {name: pod_spec(it) for name, it in WORKLOADS.items()}
CONTAINERS = {name: pod["containers"][0] for name, pod in PODS.items()}
SETTINGS = next(it["data"] for it in DOCUMENTS if name_of(it) == "ConfigMap/cinematch-settings")
SPARK_CONF = next(it["data"] for it in DOCUMENTS if name_of(it) == "ConfigMap/spark-conf")


def spark_defaults() -> dict[str, str]:
    lines = SPARK_CONF["spark-defaults.conf"].splitlines()
    return dict(line.split(maxsplit=1) for line in lines if line and not line.startswith("#"))


def command_of(container: dict[str, Any]) -> list[str]:
    command: list[str] = container["command"]
    return command[2].rpartition("exec ")[2].split() if command[0] == "sh" else command


def everywhere(node: Any, key: str) -> Iterator[Any]:
    """Give each value under `key`, however deep."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == key:
                yield value
            yield from everywhere(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from everywhere(value, key)


def test_each_file_is_applied() -> None:
    written = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(KUSTOMIZATION["resources"]) == written


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_each_manifest_is_valid(document: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(document, version, strict=True)


def test_the_executors_template_is_valid() -> None:
    template = yaml.safe_load(SPARK_CONF["executor.yaml"])
    template["metadata"] = {"name": "executor"}
    template["spec"]["containers"][0]["image"] = "set-by-spark:1"
    kubernetes_validate.validate(template, VERSIONS[-1], strict=True)
    assert template["spec"]["securityContext"]["runAsNonRoot"]


def test_every_layer_runs() -> None:
    commands = {tuple(command_of(container)) for container in CONTAINERS.values()}
    assert commands == {
        ("cinematch", "api"),
        ("python", "-m", "ingestion"),
        ("python", "-m", "micro_batch"),
        ("python", "-m", "speed_layer"),
        ("python", "-m", "data_lake"),
        ("cinematch", "batch", "run"),
        ("cinematch", "batch", "metrics"),
        ("cinematch", "lake", "compact"),
        ("cinematch", "audit"),
    }
    for command in commands:
        check_command(command)


@pytest.mark.parametrize(
    ("name", "setting"),
    [("batch", "batch_cron"), ("lake-compaction", "lake_compaction_cron"), ("audit", "audit_cron")],
)
def test_scheduled_work_begins_at_the_hours_of_the_settings_and_never_twice_at_once(name: str, setting: str) -> None:
    spec = WORKLOADS[f"CronJob/{name}"]["spec"]
    assert spec["schedule"] == Settings.model_fields[setting].default
    assert (spec["timeZone"], spec["concurrencyPolicy"]) == ("Etc/UTC", "Forbid")


def test_the_batch_runs_at_three() -> None:
    assert WORKLOADS["CronJob/batch"]["spec"]["schedule"] == "0 3 * * *"


def layer_of(name: str) -> str:
    """Give the layer as whose user a workload works."""
    workload = name.partition("/")[2]
    return "scheduler" if workload in SCHEDULED else workload


def test_each_layer_has_a_workload_that_is_its_user() -> None:
    assert {layer_of(name) for name in CONTAINERS} == USERS


@pytest.mark.parametrize("name", CONTAINERS)
def test_variables_are_settings(name: str) -> None:
    own = {variable["name"] for variable in CONTAINERS[name].get("env", ())}
    assert own <= KNOWN_VARIABLES | SPARK_VARIABLES | {"POD_NAME"}
    assert CONTAINERS[name]["envFrom"] == [
        {"configMapRef": {"name": "cinematch-settings"}},
        {"secretRef": {"name": f"cinematch-{layer_of(name)}"}},
    ]


def test_the_settings_are_known_valid_and_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    assert SETTINGS.keys() <= KNOWN_VARIABLES
    assert not SETTINGS.keys() & SECRET_KEYS
    for variable, value in SETTINGS.items():
        monkeypatch.setenv(variable, value)
    assert Settings().spark_master_url.startswith("k8s://")


def test_the_api_starts_for_it_asks_everybody_who_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in kubernetes_environment("api").items():
        monkeypatch.setenv(variable, value)
    settings = Settings()
    check_exposure(settings)
    assert settings.auth is Authentication.JWT
    assert settings.jwt_jwks_url is None
    assert settings.jwt_key_file is not None
    mounts = {it["mountPath"]: it["name"] for it in CONTAINERS["Deployment/api"]["volumeMounts"]}
    volumes = {it["name"]: it for it in PODS["Deployment/api"]["volumes"]}
    assert volumes[mounts[str(settings.jwt_key_file.parent)]]["secret"]["secretName"] == TOKEN_SECRET
    made = DataFolder(FOLDER / "keys").token_public_key_file
    assert settings.jwt_key_file.name == made.name
    readme = (FOLDER / "README.md").read_text()
    assert f"create secret generic {TOKEN_SECRET} --from-file=keys/{made.name}" in readme


def test_whoever_reads_how_to_begin_makes_a_key_and_a_token() -> None:
    readme = (FOLDER / "README.md").read_text()
    told = re.findall(r"^    (cinematch --data-dir /keys token .+)$", readme, re.MULTILINE)
    assert [line.split()[4] for line in told] == ["key", "issue"]
    for line in told:
        check_command(line.split())


def test_the_operators_page_reads_how_far_the_streams_are_and_changes_nothing() -> None:
    mounts = {it["name"]: it for it in CONTAINERS["Deployment/api"]["volumeMounts"]}
    assert mounts["checkpoints"]["mountPath"] == kubernetes_environment("api")["CHECKPOINT_DIR"]
    assert mounts["checkpoints"]["readOnly"]
    volumes = {it["name"]: it for it in PODS["Deployment/api"]["volumes"]}
    claim = volumes["checkpoints"]["persistentVolumeClaim"]
    assert claim == {"claimName": "spark-checkpoints", "readOnly": True}


def test_secrets_are_asked_for_and_not_contained() -> None:
    assert not named("Secret")
    readme = (FOLDER / "README.md").read_text()
    block = re.findall(r"```text\n(.*?)```", readme, re.DOTALL)[0]
    assert set(re.findall(r"^(\w+)=", block, re.MULTILINE)) == SECRET_KEYS
    assert {variable.lower() for variable in SECRET_KEYS} <= Settings.model_fields.keys()
    (loop,) = re.findall(r"for layer in (.+?); do", readme)
    assert set(loop.split()) == USERS
    assert "create secret generic cinematch-$layer --from-env-file=/dev/stdin" in readme
    for command in re.findall(r"cinematch:0\.1\.0 (cinematch access \w+)", readme):
        check_command(command.split())


@pytest.mark.parametrize("version", VERSIONS)
def test_the_job_that_makes_the_users_is_valid_and_may_do_as_little_as_others(version: str) -> None:
    kubernetes_validate.validate(ACCESS, version, strict=True)
    pod, other = pod_spec(ACCESS), PODS["Deployment/relay"]
    (container,) = pod["containers"]
    check_command(container["command"])
    assert pod["securityContext"] == other["securityContext"]
    assert container["securityContext"] == other["containers"][0]["securityContext"]
    assert container["image"] == other["containers"][0]["image"]
    (of_all, own) = container["envFrom"]
    assert of_all == {"configMapRef": {"name": "cinematch-settings"}}
    assert f"create secret generic {own['secretRef']['name']} " in (FOLDER / "README.md").read_text()
    assert own["secretRef"]["name"] not in {f"cinematch-{layer}" for layer in USERS}


@pytest.mark.parametrize("name", PODS)
def test_what_a_pod_refers_to_is_there(name: str) -> None:
    pod = PODS[name]
    accounts = set(everywhere(pod, "serviceAccountName"))
    maps = {it["name"] for key in ("configMapRef", "configMap") for it in everywhere(pod, key)}
    claims = set(everywhere(pod, "claimName"))
    assert accounts <= named("ServiceAccount")
    assert maps <= named("ConfigMap")
    assert claims <= named("PersistentVolumeClaim")
    assert accounts or pod["automountServiceAccountToken"] is False
    volumes = {volume["name"] for volume in pod["volumes"]}
    assert {mount["name"] for mount in CONTAINERS[name]["volumeMounts"]} == volumes


@pytest.mark.parametrize("name", PODS)
def test_a_pod_may_do_little_and_take_so_much(name: str) -> None:
    pod, container = PODS[name], CONTAINERS[name]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
    assert {"cpu", "memory"} <= container["resources"]["limits"].keys()


@pytest.mark.parametrize("name", [name for name in WORKLOADS if name.startswith("Deployment")])
def test_a_deployment_is_probed_and_selects_its_own_pods(name: str) -> None:
    container, spec = CONTAINERS[name], WORKLOADS[name]["spec"]
    assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys()
    assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]
    annotations = spec["template"]["metadata"]["annotations"]
    ports = {it["name"]: str(it["containerPort"]) for it in container["ports"]}
    assert annotations == {"prometheus.io/scrape": "true", "prometheus.io/port": ports["metrics"]}
    assert SETTINGS["METRICS_PORT"] == ports["metrics"]
    if container["command"][0] == "sh":
        assert container["readinessProbe"]["exec"]["command"][-1] == SETTINGS["CINEMATCH_READY_FILE"]


def test_prometheus_knows_each_layer_by_the_name_that_alerts_give_it() -> None:
    """Each rule that writes `job` is applied in turn to the pod's label `app`."""
    (block,) = re.findall(r"```yaml\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)
    (config,) = yaml.safe_load(block)["scrape_configs"]
    rules = [it for it in config["relabel_configs"] if it.get("target_label") == "job"]

    def job(app: str) -> str:
        for rule in rules:
            replacement = re.sub(r"\$\{(\d)\}", r"\\\1", rule.get("replacement", "${1}"))
            if match := re.fullmatch(rule.get("regex", "(.*)"), app):
                app = match.expand(replacement)
        return app

    scraped = [it["metadata"]["name"] for it in WORKLOADS.values() if it["kind"] == "Deployment"]
    assert sorted(map(job, scraped)) == sorted(spec.name for spec in layers.LAYERS)


def test_one_image_everywhere() -> None:
    images = {container["image"] for container in CONTAINERS.values()}
    images.add(spark_defaults()["spark.kubernetes.container.image"])
    compose = yaml.safe_load((FOLDER.parents[1] / "docker-compose.yml").read_text())
    assert images == {compose["services"]["api"]["image"]}


def test_the_speed_layer_has_a_slot_for_each_partition() -> None:
    defaults = spark_defaults()
    slots = int(defaults["spark.executor.instances"]) * int(defaults["spark.executor.cores"])
    assert slots >= int(SETTINGS["TOPIC_PARTITIONS"])


def test_drivers_and_executors_see_the_same_checkpoints() -> None:
    mount = "spark.kubernetes.executor.volumes.persistentVolumeClaim.checkpoints"
    assert spark_defaults()[f"{mount}.options.claimName"] in named("PersistentVolumeClaim")
    assert spark_defaults()[f"{mount}.mount.path"] == SETTINGS["CHECKPOINT_DIR"]
    for name in ("Deployment/micro-batch", "Deployment/speed-layer"):
        mounts = {it["name"]: it["mountPath"] for it in CONTAINERS[name]["volumeMounts"]}
        assert mounts["checkpoints"] == SETTINGS["CHECKPOINT_DIR"]
