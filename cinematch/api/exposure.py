"""Where an API without authentication may be reached: on this machine, under names of this machine.

Loopback alone would not do. A page of another site may have its own name resolved to 127.0.0.1 (DNS rebinding); its
browser then takes us for that site's server, and hands the page what we answer. The name in `Host` gives it away.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final

from cinematch.errors import ConfigurationError
from cinematch.settings import Authentication, Settings

LOCAL_NAME: Final = "localhost"


def check_exposure(settings: Settings) -> None:
    """Raise ConfigurationError when everybody could reach an API that asks nobody who calls."""
    if settings.auth is Authentication.OFF and not is_loopback(settings.api_host):
        raise ConfigurationError(
            f"AUTH=off is for this machine alone, and API_HOST={settings.api_host} lets others in: "
            "set AUTH=jwt with JWT_KEY_FILE or JWT_JWKS_URL, or API_HOST=127.0.0.1"
        )


def is_loopback(name: str) -> bool:
    """Say whether a name or address is this machine's own."""
    if name.lower() == LOCAL_NAME:
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def is_loopback_host(host: str) -> bool:
    """Say the same of a header `Host`: a name or address (IPv6 in brackets), and maybe a port."""
    name, separator, port = host.rpartition(":")
    if not separator or not port.isdigit():
        name = host
    return is_loopback(name.removeprefix("[").removesuffix("]"))
