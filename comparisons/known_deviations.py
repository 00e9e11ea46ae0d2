"""Deviations of released frameworks that the audit found, with the evidence and how to see them for oneself.

A known deviation stays a disagreement. It carries its text, and does not by itself fail a run unless --strict.
It says what is computed instead, and that is held against a bound like any formula: whatever else is wrong in a
step, saturated or not, is told as before. tests/comparisons/test_known_deviations.py runs each reproduction, and
fails when the deviation is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import combinations

import numpy as np

from comparisons.arithmetic.bounds import Bounded
from comparisons.arithmetic.precision import FLOAT32, FLOAT64, PRECISIONS, Precision
from comparisons.audit import Observed, observations
from comparisons.expected import expected_of, held_updates
from comparisons.known_deviation import KnownDeviation
from comparisons.known_function_deviations import FUNCTION_DEVIATIONS
from comparisons.known_update_deviations import UPDATE_DEVIATIONS
from comparisons.own_states import Before
from comparisons.product_range import beyond_products
from comparisons.reference import Expectation, leaves, quantities
from comparisons.tally import outside, unexplained
from comparisons.verdict import Audit, Verdict
from manual.activations import Number, sigmoid, sigmoid_slope
from manual.losses import binary_cross_entropy, binary_cross_entropy_derivative, count, total
from manual.network import completed_step, forward
from manual.routes import Formula, Route
from problems.problem import Array, Problem
from problems.targets import SPARSE
from problems.trace import Trace

FLOAT32_PRODUCTS = replace(FLOAT64, name="float64, matrix products in float32", products=FLOAT32)


def _in_float64(problem: Problem) -> bool:
    return problem.dtype == "float64"


def _tanh_in_float64(problem: Problem) -> bool:
    return _in_float64(problem) and "tanh" in problem.network.activations


def _from_probabilities(problem: Problem) -> bool:
    return problem.loss == "binary_cross_entropy"


def _in_float64_from_probabilities(problem: Problem) -> bool:
    return _in_float64(problem) and _from_probabilities(problem)


def _through_probability(name: str, loss: Formula, derivative: Formula) -> Route:
    """A loss and its derivative as functions of y and ŷ = σ(z)."""

    def delta(y: Number, z: Number) -> Number:
        y_hat = sigmoid(z)
        return derivative(y, y_hat) * sigmoid_slope(z, y_hat)

    return Route(name, lambda y, z: loss(y, sigmoid(z)), delta)


def torch_clamps(precision: Precision) -> Route:
    """max(log ŷ, −100) and max(log(1 − ŷ), −100) in the loss; (ŷ − y) / max(ŷ (1 − ŷ), 1e-12) in its derivative.

    The 1e-12 is a float32 constant in torch's source (aten/src/ATen/native/Loss.cpp), whatever the run's dtype.
    """
    least: Number = Bounded.rounded(np.exp(-100.0), precision)
    smallest: Number = Bounded.exact(np.float32(1e-12), precision)

    def loss(y: Number, y_hat: Number) -> Number:
        logs = y * np.log(np.maximum(y_hat, least)) + (1 - y) * np.log(np.maximum(1 - y_hat, least))
        return -total(logs) / count(y)

    def derivative(y: Number, y_hat: Number) -> Number:
        return (y_hat - y) / np.maximum(y_hat * (1 - y_hat), smallest) / count(y)

    return _through_probability("torch's clamps", loss, derivative)


def keras_clips(precision: Precision) -> Route:
    """ŷ clipped to [1e-7, 1 − 1e-7] before the loss; nothing flows back through a ŷ outside."""
    low: Number = Bounded.rounded(1e-7, precision)
    high: Number = Bounded.rounded(1 - 1e-7, precision)

    def clipped(y_hat: Number) -> Number:
        return np.minimum(np.maximum(y_hat, low), high)

    def derivative(y: Number, y_hat: Number) -> Number:
        inside = np.where(y_hat > low, 1, 0) * np.where(high > y_hat, 1, 0)
        return inside * binary_cross_entropy_derivative(y, clipped(y_hat))

    return _through_probability("Keras's clip", lambda y, y_hat: binary_cross_entropy(y, clipped(y_hat)), derivative)


def jax_log1p(precision: Precision) -> Route:
    """log(1 − ŷ) within 256 u for 0.28 < ŷ < 0.53.

    The error is largest just below ŷ = √2 − 1: 129 units in the last place (jax-ml/jax issue 39707), 240 u there.
    """

    def loss(y: Number, y_hat: Number) -> Number:
        rest = np.log(1 - y_hat)
        inside = (y_hat.value > 0.28) & (y_hat.value < 0.53)
        more = np.where(inside, 256 * precision.unit * np.abs(rest.value), 0.0)
        rest = Bounded(rest.value, rest.error + more, precision)
        return total(-y * np.log(y_hat) - (1 - y) * rest) / count(y)

    return _through_probability("JAX's log1p", loss, binary_cross_entropy_derivative)


_KERAS_CLIPS = "keras.ops.binary_crossentropy clips probabilities to [1e-7, 1 - 1e-7]: no gradient beyond"
_KERAS_CLIPS_REPRODUCTION = (
    "import keras; one = keras.ops.convert_to_tensor([[1.0]])\n"
    "print(float(keras.ops.binary_crossentropy(one, 1e-9 * one)[0, 0]) < 17)"
)

KNOWN_DEVIATIONS = (
    *UPDATE_DEVIATIONS,
    *FUNCTION_DEVIATIONS,
    KnownDeviation(
        implementation="keras-torch",
        text="keras.ops.matmul on Keras's torch backend multiplies float64 matrices in float32",
        seen_with="keras 3.15.1, torch 2.13.0",
        reproduction=(
            "import keras, torch; one = torch.ones((1, 1), dtype=torch.float64)\n"
            "print(keras.ops.matmul(one, one).dtype == torch.float32)"
        ),
        environment={"KERAS_BACKEND": "torch"},
        concerns=_in_float64,
        carries=FLOAT32_PRODUCTS,
    ),
    KnownDeviation(
        implementation="keras-jax",
        text="keras.ops.tanh on Keras's jax backend turns float64 into float32",
        seen_with="keras 3.15.1, jax 0.10.2",
        reproduction=(
            "import jax; jax.config.update('jax_enable_x64', True); import keras\n"
            "print(keras.ops.tanh(jax.numpy.ones(1, 'float64')).dtype == 'float32')"
        ),
        environment={"KERAS_BACKEND": "jax"},
        concerns=_tanh_in_float64,
        carries=FLOAT32,
    ),
    KnownDeviation(
        implementation="torch",
        text="torch.nn.BCELoss holds log at -100 or above, and in its derivative p (1 - p) at 1e-12 or above",
        seen_with="torch 2.13.0",
        reproduction=(
            "import torch; p = torch.tensor([1e-14], dtype=torch.float64, requires_grad=True)\n"
            "torch.nn.BCELoss()(p, torch.ones_like(p)).backward(); print(float(-p.grad[0]) < 2e12)"
        ),
        concerns=_from_probabilities,
        route=torch_clamps,
    ),
    KnownDeviation(
        implementation="jax",
        text="jax.numpy.log1p in float64 errs by up to 129 units in the last place on the CPU (jax-ml/jax issue 39707)",
        seen_with="jax 0.10.2",
        reproduction=(
            "import jax, math; jax.config.update('jax_enable_x64', True)\n"
            "print(abs(float(jax.numpy.log1p(-0.4141892)) - math.log1p(-0.4141892)) > 1e-14)"
        ),
        concerns=_in_float64_from_probabilities,
        route=jax_log1p,
    ),
    *(
        KnownDeviation(
            implementation=f"keras-{backend}",
            text=f"{_KERAS_CLIPS} (on Keras's {backend} backend)",
            seen_with=f"keras 3.15.1, {versions}",
            reproduction=_KERAS_CLIPS_REPRODUCTION,
            environment={"KERAS_BACKEND": backend},
            concerns=_from_probabilities,
            route=keras_clips,
        )
        for backend, versions in (("torch", "torch 2.13.0"), ("jax", "jax 0.10.2"))
    ),
)


def known_deviation(trace: Trace, audit: Audit) -> str | None:
    """The text of the known deviations that explain all that `audit` found wrong, or None."""
    if audit.verdict is not Verdict.DISAGREES or audit.faults:
        return None
    running = KnownDeviations(trace.implementation, trace.problem)
    for observed in observations(trace, audit.divergence):
        running.narrow(observed)
        if not running.left:
            return None
    return running.text(audit)


class KnownDeviations:
    """Those of one implementation on one problem that explain every wrong step so far, which become fewer."""

    def __init__(self, implementation: str, problem: Problem) -> None:
        met = [one for one in KNOWN_DEVIATIONS if one.implementation == implementation and one.concerns(problem)]
        self.left = list(_few_first(met))
        self.run = PRECISIONS[problem.dtype]

    @property
    def precisions(self) -> set[Precision]:
        """Those in which steps are evaluated to see whether they are explained."""
        return {_carried([known.carries for known in together if known.carries], self.run) for together in self.left}

    def narrow(self, observed: Observed) -> None:
        """Go by these steps too; those that are right narrow nothing."""
        self.left = [together for together in self.left if _explains(together, observed)]

    def text(self, audit: Audit) -> str | None:
        """What explains all that `audit` found wrong, or None."""
        if audit.verdict is not Verdict.DISAGREES or audit.faults or not self.left:
            return None
        return "; ".join(f"{known.text} (seen with {known.seen_with})" for known in self.left[0])


def _few_first(known: list[KnownDeviation]) -> Iterator[tuple[KnownDeviation, ...]]:
    for number in range(1, len(known) + 1):
        yield from combinations(known, number)


def _explains(together: tuple[KnownDeviation, ...], observed: Observed) -> bool:
    """Whether every step is right, or as right as these deviations leave it, in all its elements alike."""
    problem = observed.problem
    run = PRECISIONS[problem.dtype]
    carried = _carried([known.carries for known in together if known.carries], run)
    right = expected_of(observed, run, None)
    trained = replace(observed, problem=_trained([known.problem for known in together if known.problem], problem))
    lower = expected_of(trained, carried, None)
    explained = _explained_steps(observed, right, lower)
    updates = {name: lower[name] for name in lower if name.startswith("parameter.")}
    for known in together:
        if known.route is not None:
            other = held_updates(trained, instead(trained, known.route(carried), carried), carried)
            if isinstance(observed.before, Before):  # its updates follow from its own gradients
                other |= updates
            explained |= _explained_steps(observed, right, other)
    if carried.products is FLOAT32 and not explained.all():
        explained |= beyond_products(trained.problem, observed.before, observed.x, observed.y)
    return bool(explained.all())


def _trained(changes: list[Callable[[Problem], Problem]], problem: Problem) -> Problem:
    """The problem after every change."""
    for change in changes:
        problem = change(problem)
    return problem


def _carried(lower: list[Precision], run: Precision) -> Precision:
    """What is left of `run` where several deviations each lower a part of it."""
    if not lower:
        return run
    lowest = min([run, *lower], key=lambda one: one.digits)
    if lowest.digits < run.digits:
        return lowest
    products = next((one.products for one in lower if one.products), None)
    return replace(run, products=products, settings=next((one.settings for one in lower if one.settings), None))


def _explained_steps(observed: Observed, right: Mapping[str, Expectation], instead: Mapping[str, Expectation]) -> Array:
    """(steps,): whether each element is within the formulas' bound, or told and within the other's."""
    explained = np.ones(len(observed.positions), dtype=bool)
    for name, values in observed.actual.items():
        actual = values.astype(np.float64)
        wrong = outside(actual, right[name]) & unexplained(actual, instead[name])
        explained &= ~wrong.reshape(len(wrong), -1).any(axis=1)
    return explained


def instead(observed: Observed, route: Route, carried: Precision) -> dict[str, Expectation]:
    """What each step gives where the loss takes `route`, by quantity name."""
    problem = observed.problem
    run = PRECISIONS[problem.dtype]
    state = {name: leaves(values, run, carried) for name, values in observed.before.items()}
    x = leaves(observed.x, run, carried)
    y = Bounded.exact(observed.y, carried) if problem.loss in SPARSE else leaves(observed.y, run, carried)
    rate = Bounded.rounded(problem.optimizer.learning_rate, carried)
    _, cache = forward(problem.network, state, x)
    loss, dz = route.loss(y, cache.z[-1]), route.delta(y, cache.z[-1])
    step = completed_step(problem.network, state, cache, loss, dz, rate, problem.l2)
    return {
        name: Expectation(expected=one.value, bound=one.error, told=np.isfinite(one.error))
        for name, one in quantities(step).items()
    }
