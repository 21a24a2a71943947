"""The cookie in which a browser keeps its token: no script can read it, and no other site's page has it sent.

Off loopback it is Secure and named `__Host-`, so a browser takes and sends it by TLS only, and from this host only. On
loopback there is no TLS, and what is sent does not leave the machine.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import HTTPConnection
from starlette.responses import Response

from cinematch.api.exposure import is_loopback_host

LOOPBACK_NAME: Final = "cinematch"
SECURE_NAME: Final = f"__Host-{LOOPBACK_NAME}"


def session_token(connection: HTTPConnection) -> str | None:
    """Give the token that the browser keeps."""
    return connection.cookies.get(_name(connection))


def keep_session(connection: HTTPConnection, response: Response, token: str, seconds: int) -> None:
    """Have the browser keep a token for as long as it is good."""
    secure = not is_loopback_host(connection.headers.get("host", ""))
    response.set_cookie(
        _name(connection), token, max_age=seconds, path="/", secure=secure, httponly=True, samesite="strict"
    )


def end_session(connection: HTTPConnection, response: Response) -> None:
    """Have the browser forget its token."""
    keep_session(connection, response, "", 0)


def _name(connection: HTTPConnection) -> str:
    return LOOPBACK_NAME if is_loopback_host(connection.headers.get("host", "")) else SECURE_NAME
