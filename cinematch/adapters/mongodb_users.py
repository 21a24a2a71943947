"""Users of MongoDB, each with one role of its own: what the table of privileges says, and nothing else."""

from __future__ import annotations

from typing import Any, Final

from cinematch.adapters.mongodb_client import SyncClient, translated
from cinematch.contracts.privileges import Privileges

WHERE: Final = "admin"
"""The database in which users and roles are kept: the one that an address without a database asks for a password."""


class MongoUsers:
    """The users of one database of ours, seen by an administrator. Every call raises StoreUnavailable."""

    def __init__(self, client: SyncClient, database: str) -> None:
        self._admin = client[WHERE]
        self._database = database

    def put(self, layer: Privileges, password: str) -> None:
        """Make the layer's role and user, or bring them up to date, password included."""
        with translated():
            role = {"privileges": self._privileges(layer), "roles": []}
            self._put("Role", layer.user, role, {"role": layer.user, "db": WHERE})
            user = {"pwd": password, "roles": [layer.user]}
            self._put("User", layer.user, user, {"user": layer.user, "db": WHERE})

    def _put(self, kind: str, name: str, fields: dict[str, Any], found_by: dict[str, str]) -> None:
        known = self._admin.command(f"{kind.lower()}sInfo", found_by)[f"{kind.lower()}s"]
        self._admin.command(f"{'update' if known else 'create'}{kind}", name, **fields)

    def _privileges(self, layer: Privileges) -> list[dict[str, Any]]:
        return [
            {"resource": {"db": self._database, "collection": collection}, "actions": sorted(actions)}
            for collection, actions in layer.mongodb.items()
        ]
