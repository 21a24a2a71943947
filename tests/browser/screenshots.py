"""Takes the pictures of the pages that the documents show, from a running stack.

`python -m tests.browser.screenshots URL [USER_ID]` writes docs/images/{viewer,trends,operator}-{light,dark,360}.png of
the stack whose API is at URL; `make screenshots` gives it the address of the user's own stack. Without USER_ID the
first user with a list is shown. Nothing is clicked, so nothing is changed.

`python -m tests.browser.screenshots URL --moment NAME` writes docs/images/operator-NAME.png alone: the operator's page
while somebody has seen to it that something happens, such as a batch run (`batch`) or a dead Redis (`dead-redis`).
"""

from __future__ import annotations

import sys
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import httpx
from playwright.sync_api import Browser, FloatRect, Page

from cinematch.cli.data_dir import data_folder
from cinematch.local_stack.stack_status import current_status
from tests.browser.chromium import chromium, launched, missing_reason

IMAGES: Final = Path(__file__).parents[2] / "docs" / "images"
LARGEST_BYTES: Final = 400_000
MARGIN: Final = 16
"""Below the last panel."""
WAIT_MS: Final = 30_000


@dataclass(frozen=True)
class Look:
    """One way to look at a page."""

    name: str
    options: Mapping[str, Any]


LOOKS: Final = (
    Look("light", {"viewport": {"width": 1280, "height": 1120}, "color_scheme": "light"}),
    Look("dark", {"viewport": {"width": 1280, "height": 1120}, "color_scheme": "dark"}),
    Look("360", {"viewport": {"width": 360, "height": 1400}, "color_scheme": "light"}),
)
READY: Final = {
    "viewer": "#top [data-film]",
    "trends": "#top [data-film]",
    "operator": "#lag [data-chart] canvas",
}
"""What is there once a page is done."""
SETTLE_MS: Final = {"viewer": 1_500, "trends": 1_500, "operator": 12_000}
"""Charts move in; rates need several looks."""


def main(arguments: Sequence[str]) -> None:
    """Take all pictures, or that of one moment."""
    if "--moment" in arguments:
        url, _, name = arguments
        moment(url, name)
        return
    url = arguments[0] if arguments else _running_stack()
    user_id = arguments[1] if len(arguments) > 1 else _some_user(url)
    addresses = {
        "viewer": f"/?{urllib.parse.urlencode({'user_id': user_id})}",
        "trends": "/trends",
        "operator": "/operator",
    }
    with _browser() as browser:
        for name, address in addresses.items():
            for look in LOOKS:
                take(browser, url + address, name, look)


def moment(url: str, name: str) -> None:
    """Write one picture of the operator's page as it is now."""
    with _browser() as browser:
        take(browser, f"{url}/operator", "operator", replace(LOOKS[0], name=name))


@contextmanager
def _browser() -> Iterator[Browser]:
    executable = chromium()
    if executable is None:
        raise SystemExit(missing_reason())
    IMAGES.mkdir(exist_ok=True)
    with launched(executable) as browser:
        yield browser


def take(browser: Browser, address: str, name: str, look: Look) -> None:
    """Write one picture of a page's first screen, which ends below the last panel that is on it as a whole.

    Raises SystemExit when it is too large to be committed.
    """
    page = browser.new_page(**look.options, locale="en-GB", reduced_motion="reduce")
    page.set_default_timeout(WAIT_MS)
    page.goto(address)
    _settle(page, name)
    target = IMAGES / f"{name}-{look.name}.png"
    page.screenshot(path=target, clip=_whole_panels(page))
    page.close()
    size = target.stat().st_size
    if size > LARGEST_BYTES:
        raise SystemExit(f"{target.name} has {size} bytes, more than {LARGEST_BYTES}")
    sys.stdout.write(f"{target.name}: {size} bytes\n")


def _settle(page: Page, name: str) -> None:
    page.locator(READY[name]).first.wait_for()
    page.wait_for_timeout(SETTLE_MS[name])


def _whole_panels(page: Page) -> FloatRect:
    """Give the screen without the panels that it would cut; the screen when it cuts its first one."""
    screen = page.viewport_size
    assert screen is not None
    boxes = [box for panel in page.locator(".panel").all() if (box := panel.bounding_box()) is not None]
    ends = [box["y"] + box["height"] for box in boxes]
    cut = [box["y"] for box, end in zip(boxes, ends, strict=True) if box["y"] < screen["height"] < end]
    whole = [end for end in ends if end <= min([screen["height"], *cut])]
    height = max(whole) + MARGIN if whole and cut else screen["height"]
    return {"x": 0, "y": 0, "width": screen["width"], "height": height}


def _running_stack() -> str:
    status = current_status(data_folder(None))
    if status is None:
        raise SystemExit("no stack is running: start one (`cinematch up`, `make demo`), or give an API's address")
    return status.addresses["api"]


def _some_user(url: str) -> str:
    users = httpx.get(f"{url}/v1/users").raise_for_status().json()["users"]
    if not users:
        raise SystemExit("nobody has a list yet: load data first (`cinematch seed`)")
    user_id: str = users[0]["user_id"] if isinstance(users[0], dict) else users[0]
    return user_id


if __name__ == "__main__":
    main(sys.argv[1:])
