"""Every step of a lesson problem by the nine derivatives, as plain values for the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from comparisons.candidates import State
from comparisons.explanation import Explanation
from comparisons.explanation_elements import chain_lines, elements_backward, forward, loss
from manual.nine_derivatives.train import train
from problems.problem import Array, Problem
from problems.trace import Trace

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
    trace = Trace.record(problem, train(problem), implementation="manual-scalar")
    told = [_explanation(trace, number) for number in range(1, trace.steps + 1)]
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
        "averages": trace.loss.reshape(problem.epochs, -1).mean(axis=1).tolist(),
        "signs": _signs(told),
    }


def _explanation(trace: Trace, number: int) -> Explanation:
    problem, step = trace.problem, trace.part(number - 1, number)
    rows = tuple(int(row) for row in step.rows[0])
    return Explanation(
        problem=problem,
        step=number,
        rows=rows,
        state=State(
            parameters=dict(step.initial),
            x=problem.x[list(rows)],
            y=problem.y[list(rows)],
            learning_rate=problem.optimizer.learning_rate,
        ),
        loss=float(step.loss[0]),
        gradients={name: values[0] for name, values in step.gradients.items()},
        parameters={name: values[0] for name, values in step.parameters.items()},
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
