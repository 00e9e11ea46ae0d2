"""The report in a real browser: the explorer shows the report's own numbers, and the page stays by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from comparisons.compare import compared, judged, judged_trace, train_here
from comparisons.report.folder import write_report
from comparisons.verdict import Comparison
from comparisons.workers import Outcome
from problems.catalogue import named_problem

SCRIPT = "<script>alert(1)</script>"
WIDTHS = (360, 1400)
SCHEMES = ("light", "dark")


def four_outcomes() -> Comparison:
    """One right, one wrong in ∂L/∂W1[0,0] from step 6 on, one crashed, one that carries float32."""
    problem = named_problem("regression").changed(name=SCRIPT)
    right = train_here("manual-matrix", problem).trace
    assert right is not None
    gradients = {name: values.copy() for name, values in right.gradients.items()}
    gradients["W1"][5:, 0, 0] *= -1
    loss = right.loss.astype(np.float32).astype(np.float64)
    traces = (
        right,
        replace(right, implementation="wrong", gradients=gradients),
        replace(right, implementation="halved", loss=loss),
    )
    crashed = judged("manual-scalar", problem, Outcome(crashed=f"RuntimeError: {SCRIPT}"))
    return compared(problem, [*(judged_trace(trace, version=None) for trace in traces), crashed])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    made: Path = tmp_path_factory.mktemp("report")
    write_report(made, [four_outcomes()], [{}], "backproof compare")
    return made


@pytest.fixture(scope="module", params=[(width, scheme) for width in WIDTHS for scheme in SCHEMES], ids=str)
def page(browser, folder, request) -> Iterator[Any]:
    width, scheme = request.param
    opened = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    opened.seen = []
    opened.on("request", lambda one: opened.seen.append(one.url))
    opened.on("console", lambda message: opened.seen.append(message.text))
    opened.on("pageerror", lambda error: opened.seen.append(str(error)))
    opened.on("dialog", lambda dialog: opened.seen.append(dialog.message))
    opened.goto((folder / "report.html").as_uri())
    yield opened
    opened.close()


def chosen(page: Any, step: int, element: str) -> None:
    """Open one step and one number of the explorer."""
    page.select_option("[data-choose=step]", index=step - 1)
    page.select_option("[data-choose=element]", element)


def explorer_row(page: Any, part: str, name: str) -> list[str]:
    """What the explorer says of one implementation."""
    cells = page.locator(f"table.{part} tr", has=page.get_by_role("rowheader", name=name)).locator("td")
    texts: list[str] = cells.all_inner_texts()
    return texts


def test_explorer_shows_what_the_json_says(page, folder):
    record = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    wrong = next(one for one in record["comparisons"][0]["implementations"] if one["name"] == "wrong")
    (deviation,) = wrong["deviations"]
    chosen(page, deviation["step"], "W1[0,0]")
    status, _, found, expected, _, bound, ratio = explorer_row(page, "gradient", "wrong")
    assert status == "disagrees"
    assert (float(found), float(expected)) == (deviation["actual"], deviation["expected"])
    assert float(bound) == pytest.approx(deviation["bound"], rel=5e-4)  # shown in four digits
    assert float(ratio) == pytest.approx(deviation["ratio"], rel=5e-4)


def test_explorer_names_the_first_to_disagree(page):
    chosen(page, 6, "W1[0,0]")
    told = page.locator("ul.first li").all_inner_texts()
    assert "wrong: the first to disagree is ∂L/∂W1 (inputs agree, output disagrees)" in told


def test_buttons_walk_through_the_steps(page):
    chosen(page, 1, "loss")
    page.focus("[data-move='1']")
    page.keyboard.press("Enter")
    assert page.locator("[data-show]").inner_text().startswith("Step 2,")


def test_statuses_are_told_apart_in_words_and_in_color(page):
    badges = page.locator(".glance .status")
    assert badges.all_inner_texts() == ["disagrees", "crashed", "carries float32", "agrees"]
    colors = badges.evaluate_all("found => found.map(one => getComputedStyle(one).backgroundColor)")
    assert len(set(colors)) == 4


def test_page_is_no_wider_than_the_window(page):
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_nothing_was_asked_for_logged_or_run(page, folder):
    assert page.seen == [(folder / "report.html").as_uri()]


def test_no_serious_accessibility_violation(page, serious):
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert serious(page) == []


@pytest.fixture(params=SCHEMES)
def fresh(browser, folder, request) -> Iterator[Any]:
    """A page that nobody has touched."""
    opened = browser.new_page(color_scheme=request.param)
    opened.goto((folder / "report.html").as_uri())
    yield opened
    opened.close()


def test_page_prints_on_a_few_sheets(fresh, count_sheets):
    assert 3 <= count_sheets(fresh) <= 8


def test_nothing_is_cut_off_folded_or_dark_on_paper(fresh, on_paper):
    paper = on_paper(fresh)
    assert (paper.cut_off, paper.folded, paper.color) == ([], 0, "rgb(255, 255, 255)")


def test_paper_shows_the_chosen_step_and_what_was_folded_folds_again(fresh, on_paper):
    before = fresh.locator("details:not([open])").count()
    chosen(fresh, 7, "b2[0,0]")
    paper = on_paper(fresh)
    assert fresh.locator("[data-show]").inner_text().startswith("Step 7,")
    assert fresh.is_visible("[data-choose=step]")
    fresh.evaluate("dispatchEvent(new Event('afterprint'))")
    assert paper.folded == before > 0
