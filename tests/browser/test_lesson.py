"""The lesson in a real browser: its arithmetic is that of `manual`, and it stays on its own page."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest

from comparisons.lesson.page import lesson_page
from comparisons.lesson.steps import ELEMENTS, nine
from manual.network import loss_routes, train_step
from problems.catalogue import named_problem

NAMES = ("regression", "classification")
WIDTHS = (360, 1400)
SCHEMES = ("light", "dark")
STATES = 100
RELATIVE = 1e-12
ROUNDED = 1e-7  # the loss is shown in 8 digits, a derivative in 6
SLOPE_ROUNDED = 1e-5


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    file = tmp_path_factory.mktemp("lesson") / "lesson.html"
    file.write_text(lesson_page(("manual-matrix",)), encoding="utf-8")
    return file.as_uri()


class Opened:
    """A page, with every request it made and every complaint."""

    def __init__(self, browser: Any, address: str, width: int, scheme: str) -> None:
        self.page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.goto(address)

    def use(self) -> None:
        """Touch every control of the page."""
        for name in reversed(NAMES):
            self.page.check(f"input[value={name}]")
            for button in ("step-on", "epoch-on", "walk-on", "walk-all", "knobs-downhill", "knobs-trained"):
                self.page.click(f"#{button}")
            self.page.select_option("#surface-x", "3")
            self.page.select_option("#knob-row", "1")
            self.page.select_option("#beside-parameter", "5")


@pytest.fixture(scope="module")
def opened(browser, address) -> Iterator[Any]:
    """A function of width and scheme: the page at that width, used; each opened once."""
    pages: dict[tuple[int, str], Opened] = {}

    def at(width: int, scheme: str) -> Opened:
        if (width, scheme) not in pages:
            pages[width, scheme] = Opened(browser, address, width, scheme)
            pages[width, scheme].use()
        return pages[width, scheme]

    yield at
    for one in pages.values():
        one.page.close()


@pytest.fixture
def page(browser, address) -> Iterator[Any]:
    fresh = Opened(browser, address, 1400, "light").page
    yield fresh
    fresh.close()


def tensors(theta: list[float]) -> dict[str, np.ndarray]:
    """Nine numbers in the page's order as W1, b1, W2, b2."""
    values = {name: np.zeros(shape) for name, shape in named_problem("regression").network.parameter_shapes.items()}
    for (name, index), number in zip(ELEMENTS, theta, strict=True):
        values[name][index] = number
    return values


def by_hand(name: str, theta: list[float], rows: list[int]) -> list[float]:
    """The loss over `rows` and its nine derivatives, by the manual matrix form."""
    problem = named_problem(name)
    route = loss_routes(problem.network, problem.loss)[0]
    step = train_step(problem.network, route, tensors(theta), problem.x[rows], problem.y[rows], 0.0)
    return [float(step.loss), *nine(step.gradients)]


def in_browser(page: Any, name: str, theta: list[float], rows: list[int]) -> list[float]:
    """The same in the page."""
    found = page.evaluate(
        """([name, theta, rows]) => {
            const { x, y } = window.backproof.numbers.problems[name];
            return window.backproof.meanLossAndGradient(name, theta, rows.map((k) => x[k]), rows.map((k) => y[k]));
        }""",
        [name, theta, rows],
    )
    return [found["loss"], *found["gradient"]]


@pytest.mark.parametrize("name", NAMES)
def test_loss_and_derivatives_are_those_of_manual_in_random_states(page, name):
    rng = np.random.default_rng(4)
    for _ in range(STATES):
        theta = rng.uniform(-1, 1, 9).tolist()
        rows = [int(rng.integers(4))]
        np.testing.assert_allclose(in_browser(page, name, theta, rows), by_hand(name, theta, rows), rtol=RELATIVE)


@pytest.mark.parametrize("name", NAMES)
def test_mean_over_all_rows_is_that_of_manual(page, name):
    theta = np.random.default_rng(5).uniform(-1, 1, 9).tolist()
    everything = [0, 1, 2, 3]
    expected = by_hand(name, theta, everything)
    np.testing.assert_allclose(in_browser(page, name, theta, everything), expected, rtol=RELATIVE)


def shown(page: Any, selector: str) -> float:
    return float(page.text_content(selector).replace("−", "-"))


@pytest.mark.parametrize(("name", "knob"), list(product(NAMES, range(9))))
def test_slider_moves_the_loss_as_manual_computes_it(page, name, knob):
    page.check(f"input[value={name}]")
    page.focus(f"#knob-{knob}")
    page.keyboard.press("PageUp")
    theta = nine(named_problem(name).initial)
    theta[knob] = shown(page, f"#knob-{knob}-value")
    loss, *slopes = by_hand(name, theta, [0, 1, 2, 3])
    assert theta[knob] > 0.1
    assert shown(page, "#knob-loss") == pytest.approx(loss, rel=ROUNDED)
    assert [shown(page, f"#knob-{k}-slope") for k in range(9)] == pytest.approx(slopes, rel=SLOPE_ROUNDED)


def test_steps_are_walked_with_the_keyboard(page):
    page.focus("#step-on")
    page.keyboard.press("Enter")
    assert page.text_content("#step-said") == "2 of 20"
    assert page.text_content("#row-said").startswith("Epoch 1, row 2: x1 (cgpa) = 7")
    page.focus("#epoch-on")
    page.keyboard.press("Space")
    assert page.text_content("#row-said").startswith("Epoch 2, row 2")


def test_walking_back_tells_every_derivative(page):
    for _ in range(4):
        page.click("#walk-on")
    assert "∂L/∂W1[0,0]" in page.text_content("#walk-said")
    assert "2 · (0.32 − 4) · 0.1 · 8 = −5.888" in page.text_content("#walk-said")
    page.click("#walk-all")
    assert page.locator("#backward-drawing text.walked").count() == 9


@pytest.mark.parametrize(("width", "scheme"), list(product(WIDTHS, SCHEMES)))
def test_nothing_is_complained_about(opened, width, scheme):
    assert opened(width, scheme).complaints == []


@pytest.mark.parametrize("width", WIDTHS)
def test_no_request_leaves_the_page(opened, address, width):
    assert opened(width, "light").requests == [address]


@pytest.mark.parametrize(("width", "scheme"), list(product(WIDTHS, SCHEMES)))
def test_page_does_not_scroll_sideways(opened, width, scheme):
    assert opened(width, scheme).page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("width", "scheme"), list(product(WIDTHS, SCHEMES)))
def test_axe_finds_no_serious_violation(opened, serious, width, scheme):
    assert serious(opened(width, scheme).page) == []


def test_page_without_any_framework_says_so(browser, tmp_path, monkeypatch):
    monkeypatch.setattr("comparisons.lesson.beside.installed", lambda name: False)
    (tmp_path / "bare.html").write_text(lesson_page(), encoding="utf-8")
    bare = Opened(browser, (tmp_path / "bare.html").as_uri(), 1400, "light")
    assert bare.page.text_content("#frameworks-said").startswith("No framework was installed")
    assert "pip install" in bare.page.text_content("#beside-reasons")
    assert bare.complaints == []
    bare.page.close()


@pytest.fixture(params=SCHEMES)
def fresh(browser, address, request) -> Iterator[Any]:
    """A page that nobody has touched."""
    page = Opened(browser, address, 1400, request.param).page
    yield page
    page.close()


def test_page_prints_on_a_few_sheets(fresh, count_sheets):
    assert 6 <= count_sheets(fresh) <= 14


def test_page_prints_without_its_controls(fresh, on_paper):
    on_paper(fresh)
    assert not fresh.is_visible("nav")
    assert not fresh.is_visible("#step-on")
    assert fresh.is_visible("#surface-chart svg")
    assert fresh.locator("[id^=knob-][id$=-value]:visible").count() == fresh.locator(".knob input:visible").count() == 9


def test_nothing_is_cut_off_folded_or_dark_on_paper(fresh, on_paper):
    paper = on_paper(fresh)
    assert (paper.cut_off, paper.folded, paper.color) == ([], 0, "rgb(255, 255, 255)")
