"""`python -m docs.generator`: write the generated pages of the reference."""

from __future__ import annotations

from docs.generator.pages import FOLDER, PAGES


def main() -> None:
    """Write every page."""
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page())


if __name__ == "__main__":
    main()
