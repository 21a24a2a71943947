"""The passwords of the layers' users, and of the stores' administrators, as variables of an environment."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from cinematch.contracts.privileges import Privileges
from cinematch.settings import read_environment
from cinematch.telemetry import hide_in_logs

Password = Annotated[SecretStr, Field(min_length=12)]
PASSWORD_BYTES: Final = 16
KEY_BYTES: Final = 48
ADMINISTRATORS: Final = (
    "MONGODB_ADMIN_PASSWORD",
    "REDIS_ADMIN_PASSWORD",
    "KAFKA_ADMIN_PASSWORD",
    "MINIO_ROOT_PASSWORD",
)
MONGODB_KEY: Final = "MONGODB_KEY"
"""By which the members of MongoDB's replica set know one another; a mongod with users asks for it."""


class LayerPasswords(BaseSettings):
    """One password a layer, the same in every store: whoever knows one of a layer's passwords knows all of them."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    api_password: Password
    relay_password: Password
    micro_batch_password: Password
    speed_layer_password: Password
    data_lake_password: Password
    scheduler_password: Password

    def of(self, layer: Privileges) -> str:
        """Give a layer's."""
        password: SecretStr = getattr(self, f"{layer.layer.replace('-', '_')}_password")
        return password.get_secret_value()


def load_passwords() -> LayerPasswords:
    """Read them from the environment; they are masked in logs from now on. Raises ConfigurationError."""
    passwords = read_environment(LayerPasswords)
    hide_in_logs(getattr(passwords, name).get_secret_value() for name in LayerPasswords.model_fields)
    return passwords


def new_passwords() -> Iterator[tuple[str, str]]:
    """Make everybody's password; give them by variable. Letters and digits only: an address takes them as they are."""
    for name in (*map(str.upper, LayerPasswords.model_fields), *ADMINISTRATORS):
        yield name, secrets.token_hex(PASSWORD_BYTES)
    yield MONGODB_KEY, secrets.token_hex(KEY_BYTES)
