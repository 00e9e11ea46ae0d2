"""The pytest plugin: the fixture `backproof` and the option --backproof-report, and nothing that was not asked for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Asserting = Callable[..., None]
LONGEST_NAME = 150


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --backproof-report DIR."""
    parser.getgroup("backproof").addoption(
        "--backproof-report",
        metavar="DIR",
        type=Path,
        help="write what every use of the fixture `backproof` found into this folder, one JSON file a test",
    )


@pytest.fixture
def backproof(request: pytest.FixtureRequest) -> Iterator[Asserting]:
    """Assert that a candidate agrees with the formulas: `backproof(my_step, problem="classification")`.

    Arguments are those of comparisons.assert_agrees. With --backproof-report DIR, what was found is kept there.
    """
    from comparisons.api import check
    from comparisons.check_text import check_text
    from comparisons.verdict import Comparison, Verdict

    found: list[Comparison] = []

    def asserting(candidate: Any, problem: Any = "classification", **options: Any) -> None:
        __tracebackhide__ = True
        result = check(candidate, problem, **options)
        found.append(Comparison(problem=result.problem, results=(result.result,)))
        if result.verdict is not Verdict.AGREES:
            raise AssertionError(check_text(result))

    yield asserting
    folder: Path | None = request.config.getoption("--backproof-report")
    if folder is not None and found:
        _keep(folder, request.node.nodeid, found)


def _keep(folder: Path, test: str, found: list[Any]) -> None:
    """One file a test, named after it, so that tests in several processes do not meet."""
    from comparisons.json_report import as_json
    from problems.writing import write_text

    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / f"{_file_name(test)}.json", as_json(found))


def _file_name(test: str) -> str:
    """The test's name in plain letters; where that loses something, with a digest, so that no two tests share it."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", test)
    if re.fullmatch(r"[\w./:]+", test, re.ASCII) and len(plain) <= LONGEST_NAME:
        return plain
    return f"{plain[:LONGEST_NAME]}-{hashlib.sha256(test.encode()).hexdigest()[:12]}"
