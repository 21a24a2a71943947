"""The access token: what whoever issues one and the API, which verifies it, agree on.

A JWT (RFC 7519) signed with RS256 and nothing else: every issuer offers it, and of the asymmetric algorithms it costs
least to verify, which is done far more often than signing. `sub` is the user's id, `scope` (RFC 8693: words between
spaces) what the token may do beside that user's own list.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

ALGORITHM: Final = "RS256"
MIN_KEY_BITS: Final = 2048
"""RFC 7518, 3.3."""
REQUIRED_CLAIMS: Final = ("aud", "exp", "iat", "iss", "nbf", "sub")


class Scope(StrEnum):
    """What a token may do beside its own user's list."""

    OPERATOR = "operator"
    """Read everything, and act on the operator's page."""
    METRICS = "metrics"
    """Read the API's metrics, as Prometheus does."""


def claims(
    user_id: str, scopes: frozenset[Scope], issuer: str, audience: str, now: datetime, lifetime: timedelta
) -> dict[str, Any]:
    """Give the claims of a new token; times are whole seconds since 1970, as the RFC has them."""
    seconds = int(now.timestamp())
    return {
        "aud": audience,
        "exp": seconds + int(lifetime.total_seconds()),
        "iat": seconds,
        "iss": issuer,
        "nbf": seconds,
        "scope": " ".join(sorted(scopes)),
        "sub": user_id,
    }
