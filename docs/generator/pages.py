"""Which pages are made, and by whom."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from docs.generator.access_page import access_page
from docs.generator.command_line_page import command_line_page
from docs.generator.privileges_page import privileges_page
from docs.generator.settings_page import settings_page

FOLDER: Final = Path(__file__).parents[1] / "reference"
PAGES: Final[dict[str, Callable[[], str]]] = {
    "access.md": access_page,
    "cli.md": command_line_page,
    "privileges.md": privileges_page,
    "settings.md": settings_page,
}
