"""The options --require and --long, and what a test does when its implementation is not installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings

# A loaded machine is slow, not wrong.
settings.register_profile("backproof", parent=settings.default, deadline=None)
settings.load_profile("backproof")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --require NAME[,NAME] and --long."""
    parser.addoption(
        "--require",
        action="append",
        default=[],
        metavar="NAME[,NAME]",
        help="fail, not skip, the tests of these implementations where they are not installed (all: of every one)",
    )
    parser.addoption("--long", action="store_true", help="run the tests marked long, and no other")


def pytest_configure(config: pytest.Config) -> None:
    """End the run before its first test when --require names nothing that exists."""
    required(config)


def required(config: pytest.Config) -> frozenset[str]:
    """The implementations that --require names."""
    names = {name for value in config.getoption("--require") for name in value.split(",")}
    if not names:
        return frozenset()
    from comparisons.implementations import NAMES

    for name in sorted(names - {"all", *NAMES}):
        raise pytest.UsageError(f"--require: {name!r} is not an implementation; choose from: all, {', '.join(NAMES)}")
    return frozenset(NAMES if "all" in names else names)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the long tests, or under --long all others."""
    asked = config.getoption("--long")
    left_out = [item for item in items if (item.get_closest_marker("long") is not None) is not asked]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if (item.get_closest_marker("long") is not None) is asked]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Where -n says nothing of how, tests that share what takes long are run by the same process."""
    if config.getoption("dist") != "load":
        return None
    from tests.together import Together

    return Together(config, log)


@pytest.fixture(scope="session")
def require_or_skip(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """A function of an implementation's name: not installed, it skips the test, or fails it under --require."""
    names = required(pytestconfig)

    def check(name: str) -> None:
        from comparisons import implementations

        if implementations.installed(name):
            return
        reason = f"{name} is not installed: {implementations.install_command(name)}"
        if name in names:
            pytest.fail(f"--require {name}: {reason}", pytrace=False)
        pytest.skip(reason)

    return check
