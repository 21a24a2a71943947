"""What the pages may do: nothing but talk to the server that they came from."""

from __future__ import annotations

from typing import Final

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
"""No inline script or style. `data:` and `blob:` pictures are those that a page itself draws."""

SECURITY_HEADERS: Final = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
"""What every other answer has as well, `cinematch.api.security_headers` adds."""
