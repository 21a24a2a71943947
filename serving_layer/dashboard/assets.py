"""The files that the pages load: read once, compressed once, named by their content.

All files together have one hash, and it is a folder of their address: so modules find each other by relative paths, and
a browser may keep every file for ever.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from cinematch.api.access import Access, open_to
from cinematch.api.guarded_route import GuardedRoute
from serving_layer.dashboard.security import SECURITY_HEADERS

PACKAGE: Final = Path(__file__).parent
FOLDERS: Final = (PACKAGE / "static", PACKAGE / "messages")
MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
"""What is served at all: licences and notes stay on the disk."""
_FOR_EVER: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is sent."""

    media_type: str
    plain: bytes
    compressed: bytes


@dataclass(frozen=True, slots=True)
class Assets:
    """Every file by its path below its folder, and the hash of them all."""

    files: Mapping[str, Asset]
    digest: str

    def url(self, path: str) -> str:
        """Give the address of a file. Raises KeyError: a template names a file that does not exist."""
        self.files[path]
        return f"/assets/{self.digest}/{path}"


@cache
def assets() -> Assets:
    """Read the files; about 1 MB, kept for the life of the process."""
    files = {path: Asset(kind, content, gzip.compress(content, 9, mtime=0)) for path, kind, content in _served()}
    digest = hashlib.sha256()
    for path, asset in sorted(files.items()):
        digest.update(f"{path}\0{len(asset.plain)}\0".encode() + asset.plain)
    return Assets(files, digest.hexdigest()[:16])


def _served() -> Iterator[tuple[str, str, bytes]]:
    for folder in FOLDERS:
        for file in sorted(folder.rglob("*")):
            if file.suffix in MEDIA_TYPES:
                yield file.relative_to(folder.parent).as_posix(), MEDIA_TYPES[file.suffix], file.read_bytes()


router = APIRouter(include_in_schema=False, route_class=GuardedRoute)


@router.get("/assets/{digest}/{path:path}")
@open_to(Access.PUBLIC)
async def get_asset(request: Request, digest: str, path: str) -> Response:
    """Give one file; 404 for another version's address, for its content is not ours to tell."""
    found = assets().files.get(path) if digest == assets().digest else None
    if found is None:
        raise HTTPException(404, "there is no such file in this version of the dashboard")
    headers = {**SECURITY_HEADERS, "Cache-Control": _FOR_EVER, "Vary": "Accept-Encoding"}
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(found.plain, media_type=found.media_type, headers=headers)
    return Response(found.compressed, media_type=found.media_type, headers={**headers, "Content-Encoding": "gzip"})
