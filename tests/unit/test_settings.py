"""Settings that belong together, and secrets that come from files."""

from __future__ import annotations

from pathlib import Path

import pytest

from cinematch.errors import ConfigurationError
from cinematch.settings import KafkaProtocol, Settings, load_settings

PASSWORD = "hunter2-of-kafka"


def test_a_secret_may_be_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kafka_sasl_password").write_text(f"{PASSWORD}\n")
    (tmp_path / "mongodb_url").write_text("mongodb://ann:secret@mongodb")
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path))
    settings = load_settings()
    assert settings.kafka_sasl_password.get_secret_value() == PASSWORD
    assert settings.mongodb_url == "mongodb://ann:secret@mongodb"


def test_the_environment_comes_before_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mongodb_url").write_text("mongodb://from-a-file")
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("MONGODB_URL", "mongodb://from-the-environment")
    assert load_settings().mongodb_url == "mongodb://from-the-environment"


def test_a_folder_of_secrets_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRETS_DIR", "/nowhere/at/all")
    with pytest.raises(ConfigurationError, match=r"^SECRETS_DIR: '/nowhere/at/all' is wrong: there is no such folder"):
        load_settings()


@pytest.mark.parametrize("protocol", ["SASL_PLAINTEXT", "SASL_SSL"])
def test_a_user_of_kafka_needs_a_name_and_a_password(monkeypatch: pytest.MonkeyPatch, protocol: str) -> None:
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", protocol)
    monkeypatch.setenv("KAFKA_SASL_USERNAME", "relay")
    with pytest.raises(ConfigurationError) as refused:
        load_settings()
    assert str(refused.value) == (
        f"KAFKA_SECURITY_PROTOCOL={protocol} needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD"
    )


@pytest.mark.parametrize("variable", ["KAFKA_CA_FILE", "MONGODB_CA_FILE", "REDIS_CA_FILE", "S3_CA_FILE"])
def test_a_file_of_authorities_must_be_there(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "/nowhere/ca.pem")
    with pytest.raises(ConfigurationError, match=f"^{variable}: .*does not point to a file"):
        load_settings()


def test_no_secret_is_in_what_settings_and_access_show(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(
        kafka_security_protocol=KafkaProtocol.SASL_SSL,
        kafka_sasl_username="relay",
        kafka_sasl_password=PASSWORD,
        mongodb_url=f"mongodb://ann:{PASSWORD}@mongodb",
        redis_url=f"redis://ann:{PASSWORD}@redis",
        s3_secret_access_key=PASSWORD,
    )
    assert PASSWORD not in repr(settings) + str(settings) + repr(settings.kafka)
    monkeypatch.setenv("KAFKA_SASL_PASSWORD", PASSWORD)
    monkeypatch.setenv("TOPIC_PARTITIONS", "0")
    with pytest.raises(ConfigurationError) as refused:
        load_settings()
    assert PASSWORD not in str(refused.value)
