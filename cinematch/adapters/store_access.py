"""What a driver's error says of our access: one sentence for a refusal, whatever the driver's own words were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cinematch.errors import AccessRefused, StoreUnavailable

_UNTRUSTED: Final = ("certificate verify failed", "certificate_verify_failed", "ssl peer certificate")
NO_TRUST: Final = "no authority that we trust has signed its certificate"
NO_ENTRY: Final = "it does not accept this user and password, or does not allow them this"


@dataclass(frozen=True, slots=True)
class StoreAccess:
    """A store, and the settings that hold our user and password, and the authorities that we trust."""

    name: str
    user: str
    ca_file: str


def told(store: StoreAccess, error: Exception, *, access_refused: bool) -> StoreUnavailable:
    """Give our error for one of a driver; a refusal never repeats the driver's words, which may hold what we sent."""
    text = str(error) or type(error).__name__
    if any(sign in text.lower() for sign in _UNTRUSTED):
        return AccessRefused(store.name, NO_TRUST, store.ca_file)
    if access_refused:
        return AccessRefused(store.name, NO_ENTRY, store.user)
    return StoreUnavailable(store.name, text)
