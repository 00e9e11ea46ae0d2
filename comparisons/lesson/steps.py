"""Every step of a lesson problem by the nine derivatives, as plain values for the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from comparisons.candidates import State
from comparisons.explanation import Explanation
from comparisons.explanation_elements import chain_lines, elements_backward, forward, loss
from manual.nine_derivatives.train import train
from problems.problem import Array, Parameters, Problem
from problems.step import Step

ELEMENTS = (
    *(("W1", (i, j)) for i in range(2) for j in range(2)),
    *(("b1", (0, j)) for j in range(2)),
    *(("W2", (i, 0)) for i in range(2)),
    ("b2", (0, 0)),
)
LABELS = tuple(f"{name}[{i},{j}]" for name, (i, j) in ELEMENTS)


def nine(tensors: Mapping[str, Array]) -> list[float]:
    """The nine numbers of four tensors, in the order of ELEMENTS."""
    return [float(tensors[name][index]) for name, index in ELEMENTS]


def problem_page(problem: Problem) -> dict[str, Any]:
    """The problem, its training step by step and its average loss per epoch."""
    steps = list(train(problem))
    befores = [problem.initial, *(step.parameters for step in steps[:-1])]
    told = [
        _explanation(problem, number, before, step)
        for number, (before, step) in enumerate(zip(befores, steps, strict=True), 1)
    ]
    losses = np.array([float(step.loss) for step in steps]).reshape(problem.epochs, -1)
    return {
        "name": problem.name,
        "loss": problem.loss,
        "rate": problem.optimizer.learning_rate,
        "epochs": problem.epochs,
        "inputs": list(problem.input_names),
        "target": problem.target_names[0],
        "x": problem.x.tolist(),
        "y": problem.y[:, 0].tolist(),
        "walk": [ELEMENTS.index(element) for element in elements_backward(problem.network)],
        "chains": [_chain(told[0], name, index)[:2] for name, index in ELEMENTS],
        "steps": [_step(one) for one in told],
        "averages": losses.mean(axis=1).tolist(),
        "signs": _signs(told),
    }


def _explanation(problem: Problem, number: int, before: Parameters, step: Step) -> Explanation:
    rows = tuple(int(row) for row in step.rows)
    return Explanation(
        problem=problem,
        step=number,
        rows=rows,
        state=State(
            parameters=dict(before),
            x=problem.x[list(rows)],
            y=problem.y[list(rows)],
            learning_rate=problem.optimizer.learning_rate,
        ),
        loss=float(step.loss),
        gradients=step.gradients,
        parameters=step.parameters,
        told=(),
    )


def _step(found: Explanation) -> dict[str, Any]:
    hidden, y_hat = found.passes.a[1][0], found.passes.a[-1]
    return {
        "row": found.rows[0],
        "epoch": found.epoch,
        "before": nine(found.state.parameters),
        "after": nine(found.parameters),
        "gradients": nine(found.gradients),
        "hidden": hidden.tolist(),
        "y_hat": y_hat.item(),
        "loss": found.loss,
        "forward": list(forward(found)),
        "loss_lines": list(loss(found)),
        "chains": [_chain(found, name, index)[2] for name, index in ELEMENTS],
    }


def _chain(found: Explanation, name: str, index: tuple[int, int]) -> list[str]:
    """The chain in partial derivatives, in letters and in numbers, without what stands left of the sign."""
    return [line.partition("= ")[2] for line in chain_lines(found, name, index)]


def _signs(told: list[Explanation]) -> dict[str, Any]:
    """The first step and parameter whose derivative is negative, and the first whose is positive."""
    found: dict[str, Any] = {}
    for one in told:
        for place, slope in enumerate(nine(one.gradients)):
            found.setdefault("negative" if slope < 0 else "positive", {"step": one.step, "parameter": place})
    return found
