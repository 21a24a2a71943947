"""What every page shares: policy, assets, theme, language."""

from __future__ import annotations

import gzip
import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.site import Site

pytestmark = pytest.mark.integration


def test_a_page_forbids_inline_code_and_every_other_origin(site: Site) -> None:
    response = httpx.get(f"{site.url}/trends", timeout=60)
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert re.search(r"<script(?![^>]*\bsrc=)", response.text) is None
    assert re.search(r"<style|\sstyle=|\son\w+=", response.text) is None


def test_assets_are_compressed_and_kept_for_ever_under_a_name_of_their_content(site: Site) -> None:
    page = httpx.get(f"{site.url}/trends", timeout=60).text
    paths = set(re.findall(r"/assets/[^\"']+", page))
    assert paths
    for path in paths:
        response = httpx.get(site.url + path, headers={"Accept-Encoding": "gzip"}, timeout=60)
        assert (response.status_code, response.headers["content-encoding"]) == (200, "gzip")
        assert "immutable" in response.headers["cache-control"]
    other = re.sub(r"/assets/\w+/", "/assets/0000000000000000/", min(paths))
    assert httpx.get(site.url + other, timeout=60).status_code == 404


def test_assets_come_plain_to_who_cannot_unpack_them(site: Site) -> None:
    path = re.search(r"/assets/[^\"']+\.css", httpx.get(f"{site.url}/trends", timeout=60).text)
    assert path is not None
    packed = httpx.get(site.url + path[0], headers={"Accept-Encoding": "gzip"}, timeout=60)
    plain = httpx.get(site.url + path[0], headers={"Accept-Encoding": "identity"}, timeout=60)
    assert "content-encoding" not in plain.headers
    assert plain.content == packed.content
    assert len(gzip.compress(plain.content)) < len(plain.content)


def test_files_beside_the_assets_are_not_served(site: Site) -> None:
    folder = re.search(r"/assets/\w+/", httpx.get(f"{site.url}/trends", timeout=60).text)
    assert folder is not None
    for path in ("templates/layout.html", "static/vendor/README.md", "..%2f..%2froutes.py", "static/"):
        assert httpx.get(f"{site.url}{folder[0]}{path}", timeout=60).status_code == 404


def test_the_theme_is_switched_at_once_and_remembered(page: Page) -> None:
    page.goto("/trends")
    body = page.locator("body")
    light = "rgb(246, 243, 236)"
    page.get_by_role("radio", name="Light").check()
    expect(body).to_have_css("background-color", light)
    page.get_by_role("radio", name="Dark").check()
    expect(body).not_to_have_css("background-color", light)
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.get_by_role("radio", name="Dark")).to_be_checked()


def test_the_language_is_the_browsers_until_another_is_chosen(new_page: object, page: Page) -> None:
    assert callable(new_page)
    italian = new_page(locale="it-IT")
    italian.goto("/trends")
    expect(italian.get_by_role("heading", level=1)).to_have_text("Tendenze")
    page.goto("/trends")
    expect(page.get_by_role("heading", level=1)).to_have_text("Trends")
    page.get_by_role("link", name="Italiano").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Tendenze")
    page.goto("/trends")
    expect(page.locator("html")).to_have_attribute("lang", "it")


def test_the_first_thing_that_the_keyboard_reaches_skips_to_the_content(page: Page) -> None:
    page.goto("/trends")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
