"""A headless browser for the pages: skipped with the reason where there is none, failed under --require all."""

from __future__ import annotations

import importlib
import re
import shutil
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest

PAPER = 703  # CSS pixels between the margins of A4: 210 mm less twice 12 mm
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def missing(config: pytest.Config, reason: str) -> NoReturn:
    """Skip, or fail where everything is required."""
    if "all" in {name for value in config.getoption("--require") for name in value.split(",")}:
        pytest.fail(f"--require all: {reason}", pytrace=False)
    pytest.skip(reason)


def imported(config: pytest.Config, module: str, package: str) -> Any:
    """A module that the test extra brings; skips or fails where `package` is missing."""
    try:
        return importlib.import_module(module)
    except ImportError:
        missing(config, f"{package} is not installed: pip install 'backproof[test]'")


@pytest.fixture(scope="session")
def serious(pytestconfig: pytest.Config) -> Callable[[Any], list[tuple[str, str]]]:
    """A function of a page: what axe calls a serious or critical violation, with the markup of each."""
    axe = imported(pytestconfig, "axe_playwright_python.sync_playwright", "axe-playwright-python").Axe()

    def violations(page: Any) -> list[tuple[str, str]]:
        found = [one for one in axe.run(page).response["violations"] if one["impact"] in ("serious", "critical")]
        return [(one["id"], node["html"]) for one in found for node in one["nodes"]]

    return violations


@pytest.fixture(scope="session")
def browser(pytestconfig: pytest.Config) -> Iterator[Any]:
    """Chromium, driven by Playwright."""
    playwright_api = imported(pytestconfig, "playwright.sync_api", "playwright")
    chromium = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if chromium is None:
        missing(pytestconfig, "there is no chromium: apt-get install chromium")
    with playwright_api.sync_playwright() as playwright:
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
