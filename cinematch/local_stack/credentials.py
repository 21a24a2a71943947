"""The object store's random credentials: made once per data directory, readable by its owner only."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

from cinematch.local_stack.private_file import write_private


@dataclass(frozen=True)
class Credentials:
    """An S3 access key; the secret is not part of the text form."""

    access_key_id: str
    secret_access_key: str = field(repr=False)


def new_credentials() -> Credentials:
    """Random credentials."""
    return Credentials(f"cinematch-{secrets.token_hex(4)}", secrets.token_urlsafe(24))


def stored_credentials(path: Path) -> Credentials:
    """The credentials in `path`; made and written there when there are none."""
    if not path.exists():
        write_private(path, json.dumps(asdict(new_credentials())))
    return Credentials(**json.loads(path.read_text()))
