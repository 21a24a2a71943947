"""A sign-in leads back to the page that was asked for, as it was, and nowhere but to our own pages."""

from __future__ import annotations

import html
import re
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from fastapi.testclient import TestClient

from cinematch.api.application import create_app
from cinematch.settings import Settings
from serving_layer.dashboard.next_page import page_after
from serving_layer.dashboard.routes import router
from tests.tokens import bearer, secured, token

OURS = [
    "/",
    "/trends",
    "/operator",
    "/?user_id=bob",
    "/?user_id=a%26b&lang=it",
    "/trends?lang=it",
    "/?next=//evil.example",
]
ELSEWHERE = [
    "",
    "//evil.example",
    "///evil.example/",
    "//evil.example/?user_id=bob",
    r"\\evil.example",
    r"/\evil.example",
    r"\/evil.example?x",
    "/\t/evil.example",
    "\n//evil.example",
    "https://evil.example/",
    "https:evil.example",
    "http:/evil.example?/",
    "javascript:alert(1)",
    "data:text/html,x?/",
    "evil.example",
    "/%2f/evil.example",
    "/.//evil.example",
    "/trends/../..//evil.example",
    "/@evil.example",
    "/;//evil.example",
    "/metrics",
    "?user_id=bob",
]


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    return TestClient(
        create_app(secured(Settings(), tmp_path), [router]), "http://127.0.0.1:8000", follow_redirects=False
    )


def next_page(client: TestClient, wanted: str) -> str:
    """Give where the sign-in's form leads."""
    page = client.get(f"/sign-in?{urlencode({'next': wanted})}").text
    (found,) = re.findall(r'data-next="([^"]*)"', page)
    return html.unescape(found)


@pytest.mark.parametrize("wanted", OURS)
def test_pages_of_ours_are_kept_with_their_query(client: TestClient, wanted: str) -> None:
    assert page_after(wanted) == next_page(client, wanted) == wanted


@pytest.mark.parametrize("wanted", ELSEWHERE)
def test_what_is_no_page_of_ours_leads_to_the_first_one(client: TestClient, wanted: str) -> None:
    assert page_after(wanted) == next_page(client, wanted) == "/"


def test_without_a_wish_the_first_page_follows() -> None:
    assert page_after(None) == "/"


@pytest.mark.parametrize("wanted", ["/?user_id=bob&lang=it", "/?user_id=a%26b", "/operator?lang=it", "/operator"])
def test_a_stranger_is_led_to_the_sign_in_and_back_with_the_whole_address(client: TestClient, wanted: str) -> None:
    led = urlsplit(client.get(wanted).headers["location"])
    assert (led.path, parse_qs(led.query)) == ("/sign-in", {"next": [wanted]})


def test_who_has_too_small_a_token_comes_back_with_the_whole_address(client: TestClient) -> None:
    refused = client.get("/operator?lang=it", headers=bearer(token("anna")))
    assert refused.status_code == 403
    assert 'data-next="/operator?lang=it"' in refused.text
