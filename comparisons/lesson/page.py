"""The lesson as one self-contained page: text, style and script from this folder, numbers from training."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import resources
from typing import Any

from comparisons.compare import DEFAULT_TIMEOUT, silent
from comparisons.implementations import IMPLEMENTATIONS
from comparisons.lesson.beside import beside
from comparisons.lesson.rates import descent_path, rates_page, stopping_page
from comparisons.lesson.slopes import slopes_page
from comparisons.lesson.steps import LABELS, problem_page
from comparisons.workers import Progress
from problems.catalogue import DESCRIPTIONS, named_problem

TEMPLATE, STYLE, SCRIPT = "lesson.html", "lesson.css", "lesson.js"


def lesson_page(
    names: Sequence[str] = tuple(IMPLEMENTATIONS),
    *,
    timeout: float = DEFAULT_TIMEOUT,
    progress: Progress = silent,
) -> str:
    """The page, with the numbers of the implementations in `names` that are installed beside the hand's."""
    return assembled(lesson_numbers(names, timeout=timeout, progress=progress))


def lesson_numbers(names: Sequence[str], *, timeout: float, progress: Progress) -> dict[str, Any]:
    """Everything the page shows that is a number, as JSON values."""
    problems = [named_problem(name) for name in DESCRIPTIONS]
    told = beside(problems, names, timeout=timeout, progress=progress)
    pages = {}
    for problem, others in zip(problems, told, strict=True):
        rates = rates_page(problem)
        pages[problem.name] = problem_page(problem) | {
            "beside": others,
            "rates": rates,
            "path": descent_path(problem, rates["tried"][1]["rate"]),
            "stopping": stopping_page(problem),
        }
    return {"parameters": list(LABELS), "problems": pages, "slopes": slopes_page()}


def assembled(numbers: dict[str, Any]) -> str:
    """The template with style, script and numbers in their places."""
    page = part(TEMPLATE)
    for place, text in (("STYLE", part(STYLE)), ("NUMBERS", script_safe(numbers)), ("SCRIPT", part(SCRIPT))):
        page = page.replace(f"<!--{place}-->", text, 1)
    return page


def part(name: str) -> str:
    """A file of this folder."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def script_safe(value: object) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
