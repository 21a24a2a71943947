"""Settings as the environment of a process that a test starts."""

from __future__ import annotations

import json
import os

from pydantic import SecretStr

from cinematch.settings import Settings


def environment_of(settings: Settings, **changes: object) -> dict[str, str]:
    """Give this process's environment with all settings in it, and `changes` on top (field names)."""
    values = {name: getattr(settings, name) for name in type(settings).model_fields} | changes
    return dict(os.environ) | {name.upper(): _text(it) for name, it in values.items() if it is not None}


def _text(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, tuple):
        return json.dumps(value, default=str)
    return str(value).lower() if isinstance(value, bool) else str(value)
