"""Our own packages as one zip, for executors on other machines.

Only Python sources and the Lua scripts beside them go in. What they import from elsewhere (pymongo, pydantic, ...) must
be installed on the workers.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Final

SHIPPED: Final = (".py", ".lua")


def write_package_archive(packages: Iterable[str], target: Path) -> Path:
    """Zip the sources of top-level packages, each under its own name; give `target` back."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for package in packages:
            folder = package_folder(package)
            for source in sorted(path for path in folder.rglob("*") if path.suffix in SHIPPED):
                archive.write(source, Path(package) / source.relative_to(folder))
    return target


def package_folder(package: str) -> Path:
    """Give the folder of an importable package. Raises ModuleNotFoundError."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"there is no package {package!r}", name=package)
    return Path(next(iter(spec.submodule_search_locations)))
