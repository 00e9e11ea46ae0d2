"""Every implementation against the formulas: lesson problems, dtypes, starts, row orders, batches, deeper networks.

Each implementation trains all its problems in one process, started once however many tests ask: pytest-xdist gives
the tests of one implementation to one process (tests/together.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
import pytest

from comparisons.compare import judged, silent, train_here
from comparisons.implementations import IMPLEMENTATIONS, NAMES
from comparisons.messages import disagreement
from comparisons.verdict import Verdict
from comparisons.workers import Outcome, train_all
from problems.catalogue import DESCRIPTIONS, named_problem
from problems.dtypes import COMPUTED
from problems.initializers import starting_parameters
from problems.problem import ACTIVATIONS, LOSSES, Array, Network, Optimizer, Problem
from tests.every_day import divided

HIDDEN = tuple(name for name in ACTIVATIONS if name != "softmax")
STARTS = ("constant:0.1", "constant:1", "random:7")
SECONDS = 240.0


def changed(problem: Problem, start: str, **changes: object) -> Problem:
    """`problem` from another starting point, with other fields replaced."""
    return problem.changed(initial=starting_parameters(problem.network, start), start=start, **changes)


def saturated(pull: float) -> Problem:
    """Classification from where both hidden nodes say almost 1 and the output is the sigmoid of about 2 `pull`."""
    problem = named_problem("classification")
    initial = {"W1": np.ones((2, 2)), "b1": np.zeros((1, 2)), "W2": np.full((2, 1), pull), "b2": np.zeros((1, 1))}
    return problem.changed(initial=initial, start="given", epochs=5)


def lesson_problems() -> Iterator[tuple[str, Problem]]:
    """The lesson, in both dtypes from every start, then in other row orders and in batches whose last is short."""
    for name in DESCRIPTIONS:
        for dtype in COMPUTED:
            for start in STARTS:
                yield f"{name}-{dtype}-{start}", changed(named_problem(name), start, dtype=dtype)
    for dtype in COMPUTED:
        for pull in (-15.5, -20.0):
            yield f"classification-{dtype}-saturated:{pull:g}", saturated(pull).changed(dtype=dtype)
    for order in ("shuffled", "random"):
        yield f"regression-{order}", changed(named_problem("regression"), "random:7", order=order, seed=3)
    for name in DESCRIPTIONS:
        short = changed(named_problem(name), "random:7", order="shuffled", seed=3, batch_size=3, epochs=6)
        yield f"{name}-batches-of-3", short


def deep_problems() -> Iterator[tuple[str, Problem]]:
    """3-5-4-2 networks in both dtypes: every loss, and every activation in both hidden layers."""
    rng = np.random.default_rng(11)
    x = rng.uniform(-2, 2, (7, 3))
    for number, loss in enumerate(LOSSES):
        hidden = HIDDEN[number % len(HIDDEN)], HIDDEN[(number + 1) % len(HIDDEN)]
        network = Network(inputs=3, units=(5, 4, 2), activations=(*hidden, last_activation(loss)))
        for dtype in COMPUTED:
            name = f"{'-'.join(hidden)}-{loss}-{dtype}"
            yield (
                name,
                Problem(
                    name=name,
                    x=x,
                    y=targets(loss, x),
                    network=network,
                    loss=loss,
                    initial=starting_parameters(network, "random:5"),
                    optimizer=Optimizer(learning_rate=0.1),
                    epochs=5,
                    batch_size=3,
                    order="shuffled",
                    dtype=dtype,
                ),
            )


def last_activation(loss: str) -> str:
    """An activation that `loss` may stand behind."""
    if loss.endswith("categorical_cross_entropy"):
        return "softmax"
    return {"binary_cross_entropy": "sigmoid", "mean_squared_error": "tanh"}.get(loss, "linear")


def targets(loss: str, x: Array) -> Array:
    """What `loss` can be taken of, (rows, 2), or (rows, 1) where it is the number of a class."""
    labels = np.random.default_rng(12).integers(0, 2, (len(x), 2))
    if loss.startswith("sparse"):
        return labels[:, :1]
    if loss.startswith("categorical"):
        return np.eye(2)[labels[:, 0]]
    if loss == "hinge":
        return 2 * labels - 1
    return labels if loss.startswith("binary") else labels - x[:, :2]


LESSON, DEEP = dict(lesson_problems()), dict(deep_problems())
LATER, _ = divided(DEEP, lambda problem: problem.loss)  # every loss in one dtype every day, in the other later


def problems_for(name: str) -> dict[str, Problem]:
    """What implementation `name` trains; the nine derivatives by hand are for 2-2-1 and single rows alone."""
    if name == "manual-scalar":
        return {case: problem for case, problem in LESSON.items() if problem.batch_size == 1}
    return LESSON | DEEP


CASES = [
    pytest.param(name, case, id=f"{name}-{case}", marks=pytest.mark.long if case in LATER else ())
    for name in NAMES
    for case in problems_for(name)
]


@cache
def trained(name: str, later: bool) -> dict[str, Outcome]:
    """What the training of every case came to: by hand in this process, by a framework in one process of its own."""
    problems = {case: problem for case, problem in problems_for(name).items() if (case in LATER) is later}
    if IMPLEMENTATIONS[name].by_hand:
        return {case: train_here(name, problem) for case, problem in problems.items()}
    outcomes = train_all([name], list(problems.values()), timeout=SECONDS, progress=silent)[name]
    return dict(zip(problems, outcomes, strict=True))


@pytest.mark.parametrize(("name", "case"), CASES)
def test_every_step_is_within_its_bound(name: str, case: str, require_or_skip: Callable[[str], None]) -> None:
    require_or_skip(name)
    problem = problems_for(name)[case]
    outcome = trained(name, case in LATER)[case]
    if name == "sklearn" and outcome.skipped:  # every other implementation expresses all of these
        pytest.skip(outcome.skipped)
    result = judged(name, problem, outcome)
    assert result.audit is not None, result.reason
    assert result.audit.steps == problem.steps
    if result.known_deviation is None:
        assert result.verdict is Verdict.AGREES, "\n".join([result.reason or "", *disagreement(result, None)])
        assert result.audit.carries == problem.dtype


@pytest.mark.parametrize("name", ["manual-matrix", "torch", "keras-tensorflow", "jax"])
def test_no_known_deviation_of_the_lesson(name: str, require_or_skip: Callable[[str], None]) -> None:
    require_or_skip(name)
    for case, problem in LESSON.items():
        if "saturated" not in case:
            assert judged(name, problem, trained(name, False)[case]).known_deviation is None
