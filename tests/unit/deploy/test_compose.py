"""docker-compose.yml: valid, pinned, closed to the network, and in agreement with our settings and commands."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from cinematch.api.exposure import check_exposure
from cinematch.cli.store_passwords import LayerPasswords, new_passwords
from cinematch.contracts.layer_connection import layer_connection
from cinematch.contracts.privileges import Store, privileges
from cinematch.local_stack.data_folder import DataFolder
from cinematch.local_stack.jars import KAFKA_VERSION, SPARK_VERSION
from cinematch.local_stack.layers import LAYERS
from cinematch.local_stack.mongo_server import REPLICA_SET, TRANSACTION_SECONDS
from cinematch.settings import Authentication, Settings
from tests.commands import KNOWN_VARIABLES, SPARK_VARIABLES, check_command
from tests.deployments import COMPOSE, ROOT, compose_environment

FILE = ROOT / "docker-compose.yml"
PAGE = ROOT / "docs" / "how-to" / "compose.md"
TOKEN: dict[str, Any] = COMPOSE["services"]["token"]
"""No service of the system: a command that people run."""
ONCE: dict[str, dict[str, Any]] = {name: COMPOSE["services"][name] for name in ("access", "access-to-lake")}
"""They make the stores' users, and end."""
NO_PARTS = {"token", *ONCE}
SERVICES: dict[str, dict[str, Any]] = {name: it for name, it in COMPOSE["services"].items() if name not in NO_PARTS}
OURS = {name: it for name, it in SERVICES.items() if it["image"].startswith("cinematch:") and name != "spark-worker"}
PROFILES = {
    "api": set(),
    "relay": set(),
    "kafka": set(),
    "mongodb": set(),
    "redis": set(),
    "micro-batch": {"micro-batch", "lambda"},
    "spark-master": {"micro-batch", "lambda"},
    "spark-worker": {"micro-batch", "lambda"},
    "minio": {"lambda"},
    "data-lake": {"lambda"},
    "speed-layer": {"lambda"},
    "scheduler": {"lambda"},
    "prometheus": {"monitoring"},
    "grafana": {"monitoring"},
}


def test_it_is_valid_by_the_compose_specification() -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    checked = subprocess.run(check, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_each_layer_of_the_embedded_stack_is_a_service_with_the_same_command() -> None:
    def arguments(service: dict[str, Any]) -> list[str]:
        command = service["command"]
        return ["cinematch", *command[1:]] if command[0] == "cinematch" else command[2:]

    assert {name.replace("-", "_"): tuple(arguments(it)) for name, it in OURS.items()} == {
        spec.name: spec.arguments for spec in LAYERS
    }


def test_every_service_is_in_its_profile() -> None:
    assert {name: set(it.get("profiles", ())) for name, it in SERVICES.items()} == PROFILES


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_needs_only_what_its_profile_starts_and_waits_until_that_is_healthy(name: str) -> None:
    own = PROFILES[name]
    for needed, how in SERVICES[name].get("depends_on", {}).items():
        if needed in ONCE:
            continue
        assert how == {"condition": "service_healthy"}
        assert SERVICES[needed]["healthcheck"]["test"]
        assert not PROFILES[needed] or (own and own <= PROFILES[needed])


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_has_a_health_check_a_limit_and_comes_back(name: str) -> None:
    service = SERVICES[name]
    assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
    assert {"cpus", "memory"} <= service["deploy"]["resources"]["limits"].keys()
    assert service["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_has_a_version(name: str) -> None:
    tag = SERVICES[name]["image"].rpartition(":")[2]
    assert re.match(r"v?\d+[.-]\d+[.-]\d+", tag), SERVICES[name]["image"]


def test_versions_are_those_that_are_tested() -> None:
    def tag(service: str) -> str:
        return str(SERVICES[service]["image"].rpartition(":")[2])

    assert tag("kafka") == KAFKA_VERSION
    assert tag("spark-master").split("-")[0] == SPARK_VERSION
    assert f'version = "{tag("api")}"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_bound_to_loopback(name: str) -> None:
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in SERVICES[name].get("ports", ()))


def test_no_port_is_taken_twice() -> None:
    ports = [port.split(":")[1] for it in SERVICES.values() for port in it.get("ports", ())]
    assert len(ports) == len(set(ports))


def test_published_ports_are_those_that_processes_listen_on() -> None:
    def inside(name: str) -> set[int]:
        return {int(port.split(":")[2]) for port in SERVICES[name].get("ports", ())}

    ui = Settings.model_fields["spark_ui_port"].default
    assert inside("api") == {int(OURS["api"]["environment"]["API_PORT"])} == {Settings.model_fields["api_port"].default}
    assert inside("micro-batch") == inside("speed-layer") == {ui}
    assert inside("spark-master") == {int(SERVICES["spark-master"]["command"][-1])}
    (console,) = inside("minio")
    assert f'"--console-address", ":{console}"' in (ROOT / "Dockerfile").read_text()


@pytest.mark.parametrize("name", OURS)
def test_a_layer_is_told_only_what_it_reads(name: str) -> None:
    assert OURS[name]["environment"].keys() <= KNOWN_VARIABLES | SPARK_VARIABLES


def settings_of(name: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for variable, value in compose_environment(name).items():
        monkeypatch.setenv(variable, value)
    return Settings()


@pytest.mark.parametrize("name", OURS)
def test_the_settings_of_a_layer_are_valid(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(name, monkeypatch)
    assert settings.log_json
    uses_spark = any("spark-worker" in it for it in (OURS[name].get("depends_on", ()),))
    assert settings.spark_master_url.startswith("spark://") == uses_spark
    if uses_spark:
        assert settings.spark_driver_host == name


@pytest.mark.parametrize("name", OURS)
def test_a_layer_runs_a_command_that_exists(name: str) -> None:
    check_command(OURS[name]["command"])


def test_addresses_are_the_defaults_of_the_settings() -> None:
    environment, defaults = OURS["api"]["environment"], Settings.model_fields
    for variable in ("KAFKA_BOOTSTRAP_SERVERS", "S3_ENDPOINT_URL"):
        assert environment[variable] == defaults[variable.lower()].default


def test_the_servers_listen_where_the_settings_look_for_them() -> None:
    kafka, mongodb = SERVICES["kafka"], SERVICES["mongodb"]
    clients, *inside = kafka["environment"]["KAFKA_ADVERTISED_LISTENERS"].split(",")
    assert clients == "CLIENTS://kafka:29092"
    assert all("://127.0.0.1:" in it for it in inside)
    assert f"--replSet {REPLICA_SET} " in mongodb["command"][0]
    assert f"transactionLifetimeLimitSeconds={TRANSACTION_SECONDS}" in mongodb["command"][0]
    assert '_id: "rs0", members: [{_id: 0, host: "mongodb:27017"}]' in mongodb["healthcheck"]["test"][-1]


def test_there_are_slots_for_all_spark_applications_at_once() -> None:
    worker = SERVICES["spark-worker"]
    slots = int(worker["command"][worker["command"].index("--cores") + 1]) * worker["deploy"]["replicas"]
    wanted = {
        name: int(match[1])
        for name, it in OURS.items()
        if (match := re.search(r"spark\.cores\.max=(\d+)", it["environment"].get("PYSPARK_SUBMIT_ARGS", "")))
    }
    assert wanted.keys() == {"micro-batch", "speed-layer", "scheduler"}
    assert wanted["speed-layer"] >= Settings.model_fields["topic_partitions"].default
    assert sum(wanted.values()) <= slots


def test_the_batch_runs_at_three() -> None:
    assert SERVICES["scheduler"]["environment"]["BATCH_CRON"] == "0 3 * * *"


def test_no_secret_is_in_the_file() -> None:
    for service in SERVICES.values():
        for variable, value in service.get("environment", {}).items():
            if re.search("SECRET|PASSWORD|MONGODB_KEY|TOKEN", variable):
                assert re.fullmatch(r"\$\{\w+:\?[^}]*\}", value), variable


def test_whatever_is_asked_of_the_user_is_a_password_that_a_command_makes() -> None:
    asked = set(re.findall(r"(?<!\$)\$\{(\w+):\?", FILE.read_text()))
    assert asked == {variable for variable, _ in new_passwords()}


def test_whatever_may_be_chosen_is_a_setting_that_env_example_explains() -> None:
    chosen = set(re.findall(r"(?<!\$)\$\{(\w+):-", FILE.read_text()))
    example = (ROOT / ".env.example").read_text()
    assert chosen
    assert all(re.search(rf"^{variable}=", example, re.MULTILINE) for variable in chosen)


def password_of(name: str) -> str:
    """Give the variable of a layer's password."""
    return f"{name.upper().replace('-', '_')}_PASSWORD"


@pytest.mark.parametrize("name", OURS)
def test_each_layer_is_its_own_user_where_the_table_has_one_and_nobody_elsewhere(name: str) -> None:
    servers = Settings(mongodb_url=f"mongodb://mongodb:27017/?replicaSet={REPLICA_SET}")
    row = next(it for it in privileges(servers) if it.layer == name)
    expected = layer_connection(row, password_of(name), servers)
    of_users = {name for it in privileges(servers) for name in layer_connection(it, "", servers)}
    assert {key: value for key, value in compose_environment(name).items() if key in of_users} == expected


def test_no_layer_is_told_the_password_of_another_one_or_of_an_administrator() -> None:
    told = {name: set(re.findall(r"(?<!\$)\$\{(\w+):\?", str(it))) for name, it in OURS.items()}
    assert told == {name: {password_of(name)} for name in OURS}
    assert {it.layer for it in privileges(Settings())} == OURS.keys()
    read_by_all = {it["path"] for service in OURS.values() for it in service["env_file"]}
    assert read_by_all == {"settings.env"}  # and not .env, where all passwords are
    assert {".env", "settings.env"} <= set((ROOT / ".gitignore").read_text().splitlines())


def test_every_store_has_its_users_before_a_layer_that_uses_it_starts() -> None:
    applied = {store: name for name, it in ONCE.items() for store in it["command"][3:]}
    assert applied.keys() == set(Store)
    assert {it["restart"] for it in ONCE.values()} == {"on-failure"}
    done = {"condition": "service_completed_successfully"}
    for row in privileges(Settings()):
        needed = OURS[row.layer]["depends_on"]
        used = [Store.S3] if row.s3 else []
        used += [Store.MONGODB] if row.mongodb else []
        used += [Store.KAFKA] if row.uses_kafka else []
        # The API runs without MinIO, too: then it says so where it would look into the lake.
        assert all(needed[applied[it]] == done for it in used if (row.layer, it) != ("api", Store.S3))


@pytest.mark.parametrize("name", ONCE)
def test_whoever_makes_the_users_is_an_administrator_with_everybodys_passwords(name: str) -> None:
    environment = compose_environment(name)
    assert {it.upper() for it in LayerPasswords.model_fields} <= environment.keys()
    assert environment.keys() <= KNOWN_VARIABLES
    check_command(ONCE[name]["command"][:3])
    for needed, how in ONCE[name]["depends_on"].items():
        assert how == {"condition": "service_healthy"}
        assert PROFILES[needed] == set(ONCE[name].get("profiles", ()))
    users = {it.user for it in privileges(Settings())}
    named = {urlsplit(value).username for key, value in environment.items() if key.endswith("_URL")}
    named |= {value for key, value in environment.items() if key in ("KAFKA_SASL_USERNAME", "S3_ACCESS_KEY_ID")}
    assert named - {None} == {"cinematch-admin"}
    assert "cinematch-admin" not in users


def test_each_store_has_the_administrator_that_makes_its_users() -> None:
    kafka, minio = SERVICES["kafka"]["environment"], SERVICES["minio"]["environment"]
    assert (
        'user_cinematch-admin="${KAFKA_ADMIN_PASSWORD:?' in kafka["KAFKA_LISTENER_NAME_CLIENTS_PLAIN_SASL_JAAS_CONFIG"]
    )
    assert kafka["KAFKA_SUPER_USERS"].split(";") == ["User:cinematch-admin", "User:ANONYMOUS"]
    assert "user cinematch-admin on >%s" in SERVICES["redis"]["command"][2]
    assert 'user: "cinematch-admin"' in SERVICES["mongodb"]["healthcheck"]["test"][-1]
    assert minio["MINIO_ROOT_USER"] == "cinematch-admin"


def test_the_broker_lets_nobody_in_without_a_name() -> None:
    """Whoever has none is the broker itself, on listeners that only its own machine reaches."""
    kafka = SERVICES["kafka"]["environment"]
    bound = dict(it.split("://") for it in kafka["KAFKA_LISTENERS"].split(","))
    protocols = dict(it.split(":") for it in kafka["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(","))
    assert {name for name, protocol in protocols.items() if not protocol.startswith("SASL")} == {
        name for name, address in bound.items() if address.startswith("127.0.0.1:")
    }
    assert set(protocols.values()) == {"SASL_PLAINTEXT", "PLAINTEXT"}


def test_the_api_starts_for_it_asks_everybody_who_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of("api", monkeypatch)
    check_exposure(settings)
    assert settings.auth is Authentication.JWT
    assert settings.jwt_jwks_url is None
    (secret,) = OURS["api"]["secrets"]
    assert str(settings.jwt_key_file) == f"/run/secrets/{secret}"


def test_the_api_gets_the_public_half_of_the_key_that_the_token_command_makes() -> None:
    (secret,) = OURS["api"]["secrets"]
    (mount,) = TOKEN["volumes"]
    folder, inside = mount.split(":")
    assert TOKEN["entrypoint"] == ["cinematch", "--data-dir", inside, "token"]
    made = DataFolder(ROOT / folder)
    assert ROOT / COMPOSE["secrets"][secret]["file"] == made.token_public_key_file
    assert f"/{made.path.name}/" in (ROOT / ".gitignore").read_text().splitlines()
    assert not any(folder in str(it.get("volumes", ())) for it in SERVICES.values())


@pytest.mark.parametrize("page", [FILE, PAGE], ids=lambda page: page.name)
def test_whoever_reads_how_to_begin_makes_a_key_and_a_token(page: Path) -> None:
    told = re.findall(r"docker compose run --rm --user \"[^\"]+\" (token [^\n)]+)", page.read_text())
    assert {line.split()[1] for line in told} == {"key", "issue"}
    for line in told:
        check_command(["cinematch", *shlex.split(line)])
    assert any("--scope operator" in line for line in told)


def test_the_operators_page_leads_to_whatever_else_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    links = [urlsplit(str(link)) for _, link in settings_of("api", monkeypatch).operator_links]
    published = {
        (host, int(port))
        for name, it in SERVICES.items()
        if name != "api"
        for host, port, _ in (port.split(":") for port in it.get("ports", ()))
    }
    assert sorted((link.hostname, link.port) for link in links) == sorted(published)
    assert {link.scheme for link in links} == {"http"}


def test_whoever_counts_the_trends_runs_in_every_mode() -> None:
    """Nothing else writes global_stats, so the trends would be those of no event at all."""
    assert set(OURS["micro-batch"]["profiles"]) >= set(OURS["speed-layer"]["profiles"])


def test_volumes_are_named_and_used() -> None:
    mounts = [mount.split(":")[0] for it in SERVICES.values() for mount in it.get("volumes", ())]
    named = {mount for mount in mounts if not mount.startswith("./")}
    assert named == COMPOSE["volumes"].keys()
    assert all((ROOT / mount).exists() for mount in mounts if mount.startswith("./"))


def test_whoever_reads_or_writes_checkpoints_has_their_volume() -> None:
    """Drivers of streams write them; executors must see the same folder; the API tells operators how far they are."""
    folder = OURS["micro-batch"]["environment"]["CHECKPOINT_DIR"]
    mounts = {
        name: mount.removeprefix("spark_checkpoints:")
        for name, it in SERVICES.items()
        for mount in it.get("volumes", ())
        if mount.startswith("spark_checkpoints:")
    }
    assert mounts == {
        "api": f"{folder}:ro",
        "micro-batch": folder,
        "speed-layer": folder,
        "spark-worker": folder,
    }
    assert OURS["api"]["environment"]["CHECKPOINT_DIR"] == folder


def test_whatever_is_built_is_a_stage_of_the_dockerfile() -> None:
    stages = set(re.findall(r"^FROM \S+ AS (\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    assert {it["build"]["target"] for it in SERVICES.values() if "build" in it} <= stages


def test_prometheus_scrapes_each_layer_where_it_tells_its_metrics() -> None:
    config = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    scraped = {
        (name, found["port"])
        for job in config["scrape_configs"]
        for found in job["dns_sd_configs"]
        for name in found["names"]
    }
    ports = {name: int(it["environment"]["METRICS_PORT"]) for name, it in OURS.items()}
    assert scraped == ports.items()
    assert {job["job_name"] for job in config["scrape_configs"]} == {spec.name for spec in LAYERS}


def test_grafana_asks_prometheus_and_finds_its_dashboards() -> None:
    provisioning = ROOT / "deploy" / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "cinematch.yml").read_text())["providers"]
    mounts = dict(mount.split(":")[:2] for mount in SERVICES["grafana"]["volumes"])
    assert SERVICES["grafana"]["environment"]["GF_PATHS_PROVISIONING"] == f"{mounts['./deploy/grafana']}/provisioning"
    assert provider["options"]["path"] == f"{mounts['./deploy/grafana']}/dashboards"
