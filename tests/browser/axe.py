"""Asks axe-core what is wrong with a page, by WCAG 2.2 A and AA."""

from __future__ import annotations

from importlib.resources import files

from playwright.sync_api import Page

RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")


def violations(page: Page) -> list[str]:
    """Give each violation: its rule and the elements that break it."""
    # Evaluated by the browser's own protocol, which the page's policy does not stop.
    page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8"))
    found = page.evaluate("rules => axe.run(document, {runOnly: rules})", list(RULES))
    return [f"{rule['id']}: {node['html']}" for rule in found["violations"] for node in rule["nodes"]]
