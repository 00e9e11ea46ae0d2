"""A headless browser for the pages: skipped with the reason where there is none, failed under --require all."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

PAPER = 703  # CSS pixels between the margins of A4: 210 mm less twice 12 mm
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def missing(config: pytest.Config, reason: str) -> None:
    """Skip, or fail where everything is required."""
    if "all" in {name for value in config.getoption("--require") for name in value.split(",")}:
        pytest.fail(f"--require all: {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser(pytestconfig: pytest.Config) -> Iterator[Any]:
    """Chromium, driven by Playwright."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing(pytestconfig, "playwright is not installed: pip install playwright")
    chromium = shutil.which("chromium")
    if chromium is None:
        missing(pytestconfig, "there is no chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        yield running
        running.close()


def sheets(page: Any) -> int:
    """On how many sheets of A4 the page prints."""
    pdf: bytes = page.pdf(format="A4")
    assert pdf.startswith(b"%PDF-")
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


class Paper:
    """A page as paper has it."""

    def __init__(self, page: Any) -> None:
        self.page = page
        page.set_viewport_size({"width": PAPER, "height": 1000})
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")

    @property
    def cut_off(self) -> list[str]:
        """What is wider than the paper, or than the box that it would scroll in, and so is not printed."""
        found: list[str] = self.page.evaluate(
            """() => [document.documentElement, ...document.querySelectorAll("main *")]
                .filter((one) => one.scrollWidth > one.clientWidth + 1 && one.clientWidth && !one.closest("svg"))
                .map((one) => one.outerHTML.slice(0, 100))"""
        )
        return found

    @property
    def color(self) -> str:
        """The color of the paper."""
        color: str = self.page.evaluate("getComputedStyle(document.body).backgroundColor")
        return color

    @property
    def folded(self) -> int:
        """How many parts of the page are not shown until somebody opens them."""
        return int(self.page.locator("details:not([open])").count())


@pytest.fixture
def on_paper() -> Callable[[Any], Paper]:
    """A function of a page: the page as paper has it."""
    return Paper


@pytest.fixture
def count_sheets() -> Callable[[Any], int]:
    """A function of a page: on how many sheets it prints."""
    return sheets
