"""The page of who may call what, from the routes themselves."""

from __future__ import annotations

from typing import Final

from cinematch.api.access import Access, RouteAccess, accesses
from cinematch.api.application import VERSION_PREFIX, create_app
from cinematch.settings import Settings

IDENTITIES: Final = ("no token", "bad token", "the user named", "another user", "scope metrics", "scope operator")
"""Who may call: with a bad one, the token is expired, forged, of another algorithm, issuer or audience."""
VERDICTS: Final = {
    Access.PUBLIC: (200, 200, 200, 200, 200, 200),
    Access.USER: (401, 401, 200, 200, 200, 200),
    Access.OWNER: (401, 401, 200, 403, 403, 403),
    Access.OWNER_OR_OPERATOR: (401, 401, 200, 403, 403, 200),
    Access.OPERATOR: (401, 401, 403, 403, 403, 200),
    Access.METRICS: (401, 401, 403, 403, 200, 200),
}
"""What each of `IDENTITIES` gets; 200: the route answers. The tests hold every route against it."""
HEADER: Final = """\
# Who may call what

With `AUTH=jwt` every route is open to those whom it declares, and to nobody else; with `AUTH=off`, which starts on
loopback only, everybody may call everything. What the words mean, and who issues tokens: [Security](../security.md).
`200` stands for being let in. A page answers 303, to the sign-in, where the table says 401.

<!-- Made by `make reference` from the routes. tests/unit/api/test_access.py tries each row. -->
"""


def access_page() -> str:
    """Write the page."""
    head = f"| route | open to | {' | '.join(IDENTITIES)} |"
    rule = f"|---|---|{'---|' * len(IDENTITIES)}"
    return "\n".join([HEADER, head, rule, *(_row(it) for it in documented_accesses()), ""])


def documented_accesses() -> list[RouteAccess]:
    """Give every operation once: those with a version under it, which their plain paths are another name of."""
    found = {(it.method, it.path): it for it in accesses(create_app(Settings()))}
    versioned = {(method, path.removeprefix(VERSION_PREFIX)) for method, path in found if path.startswith("/v1/")}
    return [it for key, it in sorted(found.items(), key=_by_path) if key not in versioned]


def _by_path(item: tuple[tuple[str, str], RouteAccess]) -> tuple[str, str]:
    (method, path), _ = item
    return path, method


def _row(route: RouteAccess) -> str:
    access = route.access or Access.OPERATOR
    verdicts = " | ".join(str(verdict) for verdict in VERDICTS[access])
    return f"| `{route.method} {route.path}` | {access} | {verdicts} |"
