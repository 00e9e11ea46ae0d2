"""Candidates of problems whose optimizer remembers: refused as functions, judged along the problem as objects."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from comparisons import check
from comparisons.verdict import Verdict
from problems.catalogue import named_problem
from problems.problem import Optimizer, ProblemError
from problems.schedule import Schedule

ADAM = Optimizer(name="adam", learning_rate=0.01)
MORE_THAN_PLAIN = {
    "adam": ADAM,
    "clipped": Optimizer(name="sgd", learning_rate=0.01, settings={"clip_value": 0.1}),
    "scheduled": Optimizer(name="sgd", learning_rate=0.01, schedule=Schedule(name="exponential", every=5, decay=0.9)),
}


def regression(optimizer=ADAM):
    return named_problem("regression").changed(optimizer=optimizer, epochs=3)


class ByHand:
    """Adam on the regression, with its memory; wrong where it starts to count at 2."""

    def __init__(self, first=1, told=True):
        self.parameters, self.gradients, self.told, self.t, self.m, self.v = {}, None, told, first - 1, {}, {}

    def step(self, x, y, learning_rate):
        p = self.parameters
        h = x @ p["W1"] + p["b1"]
        error = h @ p["W2"] + p["b2"] - y
        d2 = 2 * error / y.size
        d1 = d2 @ p["W2"].T
        g = {"W1": x.T @ d1, "b1": d1.sum(0, keepdims=True), "W2": h.T @ d2, "b2": d2.sum(0, keepdims=True)}
        self.gradients = g if self.told else None
        self.t += 1
        for name in p:
            self.m[name] = 0.9 * self.m.get(name, 0) + 0.1 * g[name]
            self.v[name] = 0.999 * self.v.get(name, 0) + 0.001 * g[name] ** 2
            m_hat, v_hat = self.m[name] / (1 - 0.9**self.t), self.v[name] / (1 - 0.999**self.t)
            p[name] = p[name] - learning_rate * m_hat / (np.sqrt(v_hat) + 1e-8)
        return np.mean(error**2)


@pytest.mark.parametrize("optimizer", [pytest.param(one, id=name) for name, one in MORE_THAN_PLAIN.items()])
def test_a_train_step_is_refused_with_what_to_do_instead(optimizer, tmp_path):
    file = tmp_path / "step.py"
    file.write_text("def train_step(parameters, x, y, learning_rate): return 0.0, parameters\n", encoding="utf-8")
    for candidate in (file, lambda parameters, x, y, learning_rate: (0.0, parameters)):
        with pytest.raises(ProblemError, match=r"a train_step knows its own call alone.*`gradients`.*backproof audit"):
            check(candidate, regression(optimizer))


def test_a_right_object_agrees_along_the_problem():
    found = check(ByHand(), regression())
    assert found.verdict is Verdict.AGREES
    assert (found.along, found.states) == (12, 0)


def test_a_wrong_count_of_steps_is_named():
    found = check(ByHand(first=2), regression())
    assert found.verdict is Verdict.DISAGREES
    assert {one.mistakes for one in found.diagnoses} == {("factor",)}
    assert all("t + 1 for t" in one.explanation for one in found.diagnoses)


def test_an_object_without_gradients_is_refused():
    with pytest.raises(ProblemError, match="ByHand leaves no `gradients` after a step"):
        check(ByHand(told=False), regression())


def test_a_gradient_of_another_shape_is_said():
    class Flat(ByHand):
        def step(self, x, y, learning_rate):
            loss = super().step(x, y, learning_rate)
            self.gradients["b1"] = self.gradients["b1"].ravel()
            return loss

    with pytest.raises(ProblemError, match=r"Flat: gradient.b1 has shape \(2,\), expected \(1, 2\)"):
        check(Flat(), regression())


@pytest.mark.parametrize("optimizer", [Optimizer(learning_rate=0.1), Optimizer(name="adam", learning_rate=0.1)])
def test_an_object_that_cannot_be_told_where_to_start_is_refused_in_one_line(optimizer):
    class Closed:
        parameters = property(lambda self: {})
        gradients: ClassVar[dict[str, object]] = {}

        def step(self, x, y, learning_rate):
            return 0.0

    with pytest.raises(TypeError, match=r"Closed: `parameters` cannot be set .* before `step` is called"):
        check(Closed(), problem=named_problem("regression").changed(optimizer=optimizer))
