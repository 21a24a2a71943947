"""`cinematch access`: passwords for everybody, and each layer's own settings; what stores say is tried on real ones."""

from __future__ import annotations

import re

import pytest
from typer.testing import CliRunner

from cinematch.cli.access import access
from cinematch.cli.store_passwords import ADMINISTRATORS, MONGODB_KEY, LayerPasswords, load_passwords, new_passwords
from cinematch.contracts.privileges import privileges
from cinematch.errors import ConfigurationError
from cinematch.settings import Settings


@pytest.fixture
def passwords(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    made = dict(new_passwords())
    for variable, password in made.items():
        monkeypatch.setenv(variable, password)
    return made


def test_every_layer_of_the_table_has_a_password_and_nobody_else() -> None:
    fields = {f"{it.layer.replace('-', '_')}_password" for it in privileges(Settings())}
    assert LayerPasswords.model_fields.keys() == fields


def test_passwords_are_lines_of_an_environment_file_all_different_each_time() -> None:
    printed = [CliRunner().invoke(access, ["passwords"]).output for _ in range(2)]
    made = [dict(re.findall(r"^(\w+)=([0-9a-f]{32,})$", text, re.MULTILINE)) for text in printed]
    wanted = {*(name.upper() for name in LayerPasswords.model_fields), *ADMINISTRATORS, MONGODB_KEY}
    assert made[0].keys() == made[1].keys() == wanted
    values = [value for it in made for value in it.values()]
    assert len(values) == len(set(values))


def test_a_layers_settings_have_its_own_password_only(passwords: dict[str, str]) -> None:
    printed = CliRunner().invoke(access, ["settings", "data-lake"]).output
    told = dict(line.split("=", 1) for line in printed.splitlines())
    assert told["KAFKA_SASL_PASSWORD"] == told["S3_SECRET_ACCESS_KEY"] == passwords["DATA_LAKE_PASSWORD"]
    assert told["KAFKA_SASL_USERNAME"] == told["S3_ACCESS_KEY_ID"] == "cinematch-data-lake"
    others = passwords.keys() - {"DATA_LAKE_PASSWORD"}
    assert not any(passwords[name] in printed for name in others)


@pytest.mark.usefixtures("passwords")
def test_a_layer_that_is_none_is_named() -> None:
    refused = CliRunner().invoke(access, ["settings", "kitchen"]).exception
    assert isinstance(refused, ConfigurationError)
    assert str(refused).startswith("there is no layer 'kitchen': it is one of api, relay, ")


def test_a_password_that_is_missing_or_too_short_is_named_and_not_shown(
    passwords: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELAY_PASSWORD", "short-one")
    with pytest.raises(ConfigurationError, match=r"^RELAY_PASSWORD: ") as refused:
        load_passwords()
    assert "short-one" not in str(refused.value)
    monkeypatch.delenv("RELAY_PASSWORD")
    with pytest.raises(ConfigurationError, match=r"^RELAY_PASSWORD: Field required"):
        load_passwords()
