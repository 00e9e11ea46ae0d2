"""The lesson's page as text: self-contained, the same each time, with the numbers of a training."""

from __future__ import annotations

import json
import re

import pytest

from comparisons.lesson.beside import beside
from comparisons.lesson.page import lesson_page, script_safe
from comparisons.lesson.rates import descent_path, rates_page
from comparisons.lesson.steps import nine
from manual.nine_derivatives.train import train
from problems.catalogue import named_problem
from problems.trace import Trace

MOST_BYTES = 3 * 2**20


@pytest.fixture(scope="module")
def page() -> str:
    return lesson_page(("manual-matrix",))


@pytest.fixture(scope="module")
def numbers(page):
    (text,) = re.findall(r'<script type="application/json" id="numbers">(.*?)</script>', page, re.DOTALL)
    return json.loads(text)


def test_page_names_no_address_and_loads_nothing(page):
    assert re.findall(r'(?:src|href)="(?!#|data:,)|url\(|@import', page) == []
    assert set(re.findall(r"https?://[^\"' ]+", page)) == {"http://www.w3.org/2000/svg"}


def test_page_is_small(page):
    assert len(page.encode()) < MOST_BYTES


def test_same_inputs_give_the_same_page(page):
    assert lesson_page(("manual-matrix",)) == page


def test_no_place_of_the_template_is_left_empty(page):
    assert "<!--" not in page


@pytest.mark.parametrize("name", ["regression", "classification"])
def test_steps_are_those_of_the_nine_derivatives(numbers, name):
    told = numbers["problems"][name]["steps"]
    trace = Trace.record(named_problem(name), train(named_problem(name)), implementation="manual-scalar")
    assert [step["loss"] for step in told] == trace.loss.tolist()
    assert [step["gradients"][0] for step in told] == trace.gradients["W1"][:, 0, 0].tolist()
    assert [step["after"][8] for step in told] == trace.parameters["b2"][:, 0, 0].tolist()


@pytest.mark.parametrize("name", ["regression", "classification"])
def test_four_rates_have_four_fates(numbers, name):
    tried = numbers["problems"][name]["rates"]["tried"]
    assert [one["verdict"] for one in tried] == ["slow", "converges", "overshoots", "diverges"]


def test_every_parameter_is_walked_once(numbers):
    assert sorted(numbers["problems"]["regression"]["walk"]) == list(range(9))


def test_secants_come_near_the_derivative(numbers):
    gained = [slope for _, _, slope in numbers["slopes"]["secants"]]
    assert gained == pytest.approx([12, 11.1, 11.01, 11.001])
    assert numbers["slopes"]["slope"] == 11


def test_a_script_element_cannot_be_ended_from_inside():
    assert script_safe("</script>") == '"\\u003c/script>"'


def test_path_begins_at_the_start_and_has_a_point_for_each_epoch(numbers):
    page = numbers["problems"]["regression"]
    assert page["path"][0] == nine(named_problem("regression").initial)
    assert len(page["path"]) == page["rates"]["epochs"] + 1


def test_path_at_a_rate_ends_where_the_sweep_does():
    problem = named_problem("regression")
    good = rates_page(problem)["tried"][1]
    W1_11, W1_12, W1_21, W1_22, b1_1, b1_2, W2_11, W2_21, b2_1 = descent_path(problem, good["rate"])[-1]
    h1 = problem.x @ [W1_11, W1_21] + b1_1
    h2 = problem.x @ [W1_12, W1_22] + b1_2
    errors = problem.y[:, 0] - (h1 * W2_11 + h2 * W2_21 + b2_1)
    assert (errors**2).mean() == pytest.approx(good["losses"][-1], rel=1e-12)


def test_what_is_not_installed_is_skipped_with_the_command(monkeypatch):
    monkeypatch.setattr("comparisons.lesson.beside.installed", lambda name: False)
    ((told,),) = beside([named_problem("regression")], ["jax"])
    assert (told["verdict"], told["gradients"]) == ("skipped", [])
    assert "pip install" in told["reason"]
