"""The layers as their own users on servers that ask for one: how each connects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cinematch.cli.store_passwords import LayerPasswords
from cinematch.contracts.layer_connection import layer_connection
from cinematch.contracts.privileges import Grants, Privileges, RedisGrants, privileges
from cinematch.settings import Settings

ACTIONS = frozenset({"anything"})
EVERYTHING: Grants = {"everything": ACTIONS}


@dataclass(frozen=True)
class LayerUsers:
    """Who may do what on the servers that `nobody` leads to; `administrator` made the users."""

    nobody: Settings
    administrator: Settings
    passwords: LayerPasswords

    def settings(self, layer: str, **changes: Any) -> Settings:
        """Give the settings of a layer: all that it knows are its own name and password."""
        row = next(it for it in privileges(self.nobody) if it.layer == layer)
        return changed(self._settings(row), **changes)

    def insistent(self, layer: str) -> Settings:
        """Give settings by which a layer shows its name and password to every store, those without such a user too."""
        redis = RedisGrants(commands=ACTIONS)
        return self._settings(Privileges(layer, EVERYTHING, redis, EVERYTHING, s3=EVERYTHING))

    def _settings(self, row: Privileges) -> Settings:
        own = layer_connection(row, self.passwords.of(row), self.nobody)
        return changed(self.nobody, **{name.lower(): value for name, value in own.items()})


def changed(settings: Settings, **changes: Any) -> Settings:
    """Give settings with some changed, checked as new ones are."""
    return Settings(**settings.model_dump() | changes)
