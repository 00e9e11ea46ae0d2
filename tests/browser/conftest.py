"""A headless browser for the pages: skipped with the reason where there is none, failed under --require all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

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
