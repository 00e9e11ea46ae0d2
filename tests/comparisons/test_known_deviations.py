"""Each known deviation still exists, and hides nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from comparisons.audit import audit
from comparisons.known_deviation import KnownDeviation
from comparisons.known_deviations import KNOWN_DEVIATIONS, known_deviation
from comparisons.verdict import Verdict
from manual import train as by_hand
from manual.activations import sigmoid
from manual.network import backward, forward, loss_routes, train_step
from manual.optimizers import sgd
from problems.catalogue import named_problem
from problems.initializers import starting_parameters
from problems.order import batches
from problems.problem import Network, Optimizer, Problem
from problems.schedule import Schedule
from problems.step import Step
from problems.trace import Trace


def named(known: KnownDeviation) -> str:
    """The implementation and the function."""
    return f"{known.implementation}-{next(word for word in known.text.split() if '.' in word)}"


def printed(source: str, environment: Mapping[str, str]) -> str:
    """What Python prints in a process of its own."""
    ran = subprocess.run(
        [sys.executable, "-c", source],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def gone(known: KnownDeviation) -> str:
    return f"gone: remove the entry {known.text!r} from known_deviations.py"


ENDS = "\0"
TOGETHER: dict[str, list[KnownDeviation]] = {}
for one in KNOWN_DEVIATIONS:
    TOGETHER.setdefault("-".join([one.implementation, *one.environment.values()]), []).append(one)


@pytest.mark.parametrize("together", TOGETHER.values(), ids=TOGETHER)
def test_reproductions_still_show_it(together: list[KnownDeviation], require_or_skip: Callable[[str], None]) -> None:
    """One after another in one process: a library is imported once."""
    require_or_skip(together[0].implementation)
    sources = [one.reproduction for one in together]
    source = f"for source in {sources!r}:\n    exec(source, {{}})\n    print({ENDS!r})"
    outputs = printed(source, together[0].environment).split(ENDS)[:-1]
    for known, output in zip(together, outputs, strict=True):
        assert output.split()[-1] == "True", gone(known)


@pytest.mark.long
@pytest.mark.parametrize("known", KNOWN_DEVIATIONS, ids=named)
def test_reproduction_alone_shows_it(known: KnownDeviation, require_or_skip: Callable[[str], None]) -> None:
    """Each in a process that no other has set up, as its reader runs it."""
    require_or_skip(known.implementation)
    assert printed(known.reproduction, known.environment).split()[-1] == "True", gone(known)


@pytest.mark.parametrize("known", KNOWN_DEVIATIONS, ids=named)
def test_reproduction_is_two_lines(known: KnownDeviation) -> None:
    assert len(known.reproduction.splitlines()) == 2


def in_float32(problem: Problem, implementation: str) -> Trace:
    """A float64 run of which every step is computed in float32 from its own float64 state."""
    network, single = problem.network, problem.changed(dtype="float32", epochs=1)
    parameters, steps = problem.initial, []
    for rows in batches(problem):
        one = single.changed(x=problem.x[rows], y=problem.y[rows], initial=parameters)
        step = next(iter(by_hand.train(one)))
        parameters = {name: step.parameters[name].astype(np.float64) for name in network.parameter_shapes}
        gradients = {name: values.astype(np.float64) for name, values in step.gradients.items()}
        steps.append(Step(rows=rows, loss=step.loss.astype(np.float64), gradients=gradients, parameters=parameters))
    return Trace.record(problem, steps, implementation=implementation)


class Float32Products(np.ndarray):
    """float64 numbers whose matrix products are computed in float32."""

    def __matmul__(self, other: Any) -> Any:
        product = np.asarray(self, np.float32) @ np.asarray(other, np.float32)
        return product.astype(np.float64).view(Float32Products)


def with_float32_products(problem: Problem, implementation: str = "keras-torch") -> Trace:
    """A float64 run of which the matrix products alone are computed in float32."""
    route, *_ = loss_routes(problem.network, problem.loss)
    parameters, steps = problem.initial, []
    for rows in batches(problem):
        state = {name: values.view(Float32Products) for name, values in parameters.items()}
        x, y = problem.x[rows].view(Float32Products), problem.y[rows]
        loss, gradients, parameters = train_step(problem.network, route, state, x, y, problem.optimizer.learning_rate)
        steps.append(Step(rows=rows, loss=loss, gradients=gradients, parameters=parameters))
    return Trace.record(problem, steps, implementation=implementation)


def saturating() -> Problem:
    """Two rows of classification, both of class 1, from where the output is the sigmoid of -31."""
    problem = named_problem("classification")
    initial = {"W1": np.ones((2, 2)), "b1": np.zeros((1, 2)), "W2": np.full((2, 1), -15.5), "b2": np.zeros((1, 1))}
    return problem.changed(initial=initial, x=problem.x[:2], y=problem.y[:2], epochs=2)


def pulled(weight: float) -> Problem:
    """Classification from where both hidden nodes say almost 1 and the output is the sigmoid of twice `weight`."""
    problem = named_problem("classification")
    return problem.changed(initial={**saturating().initial, "W2": np.full((2, 1), weight)}, epochs=2)


def clamped(problem: Problem, implementation: str = "torch") -> Trace:
    """A run whose derivative of the loss divides by max(p (1 - p), 1e-12), as torch has it."""
    return Trace.record(problem, clamped_steps(problem), implementation=implementation)


def clamped_steps(problem: Problem) -> Iterator[Step]:
    parameters = problem.initial
    for rows in batches(problem):
        y = problem.y[rows]
        _, cache = forward(problem.network, parameters, problem.x[rows])
        p = sigmoid(cache.z[-1])
        dz = (p - y) / np.maximum(p * (1 - p), np.float32(1e-12).astype(float)) * (p * (1 - p))
        gradients = backward(problem.network, parameters, cache, dz)
        parameters = sgd(parameters, gradients, problem.optimizer.learning_rate)
        loss = -np.mean(y * np.log(p) + (1 - y) * np.log1p(-p))
        yield Step(rows=rows, loss=loss, gradients=gradients, parameters=parameters)


def near_log1p() -> Trace:
    """A run by hand from where ŷ = 0.4141892 and y = 0, its first loss off by the error that JAX's log1p has there."""
    problem = named_problem("classification")
    problem = problem.changed(x=problem.x[2:], y=problem.y[2:], epochs=2)
    _, cache = forward(problem.network, problem.initial, problem.x[:1])
    b2 = np.log(0.4141892 / (1 - 0.4141892)) - cache.z[-1]
    problem = problem.changed(initial={**problem.initial, "b2": b2})
    trace = Trace.record(problem, by_hand.train(problem), implementation="jax")
    loss = trace.loss.copy()
    loss[0] += 1.4e-14
    return replace(trace, loss=loss)


def regression() -> Problem:
    """Regression with a hidden layer of tanh."""
    problem = named_problem("regression")
    network = replace(problem.network, activations=("tanh", "linear"))
    return problem.changed(network=network, initial=starting_parameters(network, "random:7"), start="random:7")


def with_mistake(trace: Trace, group: str, name: str, step: int) -> Trace:
    """`trace` with the last element of one tensor 0.1 % off at `step`, counted from 1; by 0.001 where it is 0."""
    tensors: Any = {key: values.copy() for key, values in getattr(trace, group).items()}
    last = tensors[name][step - 1].flat
    last[-1] = last[-1] * 1.001 or 0.001
    return replace(trace, **{group: tensors})


def explanation(trace: Trace) -> str | None:
    """What is known of a trace that must disagree."""
    found = audit(trace)
    assert found.verdict is Verdict.DISAGREES
    return known_deviation(trace, found)


def with_optimizer(name: str, settings: Mapping[str, Any], schedule: Schedule | None = None) -> Problem:
    """Regression, two epochs, with another update."""
    made = Optimizer(name=name, learning_rate=0.001, settings=settings, schedule=schedule or Schedule())
    problem = named_problem("regression")
    start = starting_parameters(problem.network, "random:7")
    return problem.changed(optimizer=made, epochs=2, initial=start, start="random:7")


def single(value: Any) -> Any:
    """A number rounded to float32; a word as it is."""
    return value if isinstance(value, str) else float(np.float32(value))


def with_float32_settings(problem: Problem, implementation: str) -> Trace:
    """A float64 run of which the optimizer's settings and its learning rate alone are float32 numbers."""
    optimizer = problem.optimizer
    rounded = replace(
        optimizer,
        learning_rate=single(optimizer.learning_rate),
        settings={name: single(value) for name, value in optimizer.settings.items()},
    )
    return Trace.record(problem, by_hand.train(problem.changed(optimizer=rounded)), implementation=implementation)


def nadam() -> Problem:
    """Nadam as Keras has it."""
    return with_optimizer("nadam", {"momentum_decay": 1.0})


def decaying(name: str) -> Problem:
    """Descent by a learning rate that falls."""
    settings = {} if name == "cosine" else {"decay": 0.7}
    return with_optimizer("sgd", {}, Schedule(name=name, every=3, **settings))


def small(loss: str, y: Any, activations: tuple[str, ...] = ("tanh", "linear"), **changes: Any) -> Problem:
    """Three rows of two inputs, two hidden nodes and as many outputs as y has columns, or three for class numbers."""
    outputs = 3 if loss.startswith("sparse") else len(y[0])
    network = Network(inputs=2, units=(2, outputs), activations=activations)
    x = [[0.5, -1.0], [1.5, 0.25], [-0.75, 2.0]]
    start = {"initial": starting_parameters(network, "random:7"), "optimizer": Optimizer(learning_rate=0.1)}
    return Problem(name="small", x=x, y=y, network=network, loss=loss, epochs=2, **(start | changes))


def with_losses(problem: Problem, implementation: str, changed: Callable[[Any], Any]) -> Trace:
    """A run by hand that tells another loss."""
    trace = Trace.record(problem, by_hand.train(problem), implementation=implementation)
    return replace(trace, loss=changed(trace.loss))


def sure_and_wrong(loss: str) -> Problem:
    """Class 1 where the softmax says class 0 or 2, and of class 1 no more than e^-39."""
    y = [[1]] * 3 if loss.startswith("sparse") else [[0, 1, 0]] * 3
    problem = small(loss, y, ("linear", "softmax"))
    biases = {"b2": np.array([[40.0, 0.0, 39.0]]), "W2": np.array([[0.01, 0.02, 0.03], [0.02, -0.01, 0.01]])}
    rate = Optimizer(learning_rate=1e-9)
    return problem.changed(initial={**problem.initial, **biases}, epochs=1, optimizer=rate)


def standing_still(problem: Problem, implementation: str) -> Trace:
    """A run whose probability of the right class is clipped to 1e-7: no gradient, no step."""
    still = {name: np.zeros_like(values) for name, values in problem.initial.items()}
    steps = [
        Step(rows=rows, loss=-np.log(1e-7), gradients=still, parameters=problem.initial) for rows in batches(problem)
    ]
    return Trace.record(problem, steps, implementation=implementation)


def with_l2_in_float32(problem: Problem) -> Trace:
    """A run whose penalty alone is a float32 number."""
    rounded = problem.changed(l2=single(problem.l2))
    return Trace.record(problem, by_hand.train(rounded), implementation="keras-tensorflow")


REAL = [[0.5, -1.0], [2.0, 0.25], [-0.3, 0.7]]
SIGNS = [[1.0, -1.0], [-1.0, -1.0], [1.0, 1.0]]
LEAST = np.finfo(np.float64).eps  # scikit-learn's smallest probability

EXPLAINED = {
    "keras-torch-matmul": (lambda: with_float32_products(regression()), "matmul"),
    "keras-torch-saturated": (lambda: with_float32_products(pulled(-9.3)), "matmul"),
    "keras-jax-tanh": (lambda: in_float32(regression(), "keras-jax"), "tanh"),
    "torch-clamps": (lambda: clamped(saturating()), "BCELoss"),
    "jax-log1p": (near_log1p, "log1p"),
    "sklearn-outputs": (
        lambda: with_losses(small("half_squared_error", REAL), "sklearn", lambda loss: loss / 2),
        "MLPRegressor",
    ),
    "sklearn-clip": (
        lambda: with_losses(
            sure_and_wrong("categorical_cross_entropy"), "sklearn", lambda loss: np.full_like(loss, -np.log(LEAST))
        ),
        "MLPClassifier",
    ),
    "sklearn-clip-sparse": (
        lambda: with_losses(
            sure_and_wrong("sparse_categorical_cross_entropy"),
            "sklearn",
            lambda loss: np.full_like(loss, -np.log(LEAST)),
        ),
        "MLPClassifier",
    ),
    **{
        f"keras-{backend}-{loss}": (
            lambda backend=backend, loss=loss: standing_still(sure_and_wrong(loss), f"keras-{backend}"),
            "crossentropy",
        )
        for backend in ("torch", "jax")
        for loss in ("categorical_cross_entropy", "sparse_categorical_cross_entropy")
    },
    "keras-torch-hinge": (lambda: in_float32(small("hinge", SIGNS), "keras-torch"), "hinge"),
    "keras-tensorflow-leaky": (
        lambda: in_float32(small("half_squared_error", REAL, ("leaky_relu", "linear")), "keras-tensorflow"),
        "leaky_relu",
    ),
    "keras-tensorflow-gelu": (
        lambda: in_float32(small("half_squared_error", REAL, ("gelu", "linear")), "keras-tensorflow"),
        "gelu",
    ),
    "keras-tensorflow-l2": (lambda: with_l2_in_float32(small("half_squared_error", REAL, l2=0.1)), "L2"),
    "torch-nadam": (lambda: with_float32_settings(nadam(), "torch"), "NAdam"),
    "jax-step": (lambda: with_float32_settings(decaying("step"), "jax"), "exponential_decay"),
    "jax-exponential": (lambda: with_float32_settings(decaying("exponential"), "jax"), "exponential_decay"),
    "keras-tensorflow-momentum": (
        lambda: with_float32_settings(with_optimizer("momentum", {"velocity": "step"}), "keras-tensorflow"),
        "cast",
    ),
    "keras-tensorflow-adam": (
        lambda: with_float32_settings(with_optimizer("adam", {"epsilon_place": "uncorrected"}), "keras-tensorflow"),
        "cast",
    ),
    "keras-tensorflow-decay": (
        lambda: with_float32_settings(with_optimizer("sgd", {"weight_decay": 0.1}), "keras-tensorflow"),
        "cast",
    ),
    "keras-tensorflow-schedule": (
        lambda: with_float32_settings(decaying("exponential"), "keras-tensorflow"),
        "schedules",
    ),
    "keras-jax-cosine": (lambda: with_float32_settings(decaying("cosine"), "keras-jax"), "cos"),
    "keras-torch-clip": (
        lambda: with_float32_settings(with_optimizer("sgd", {"clip_norm": 0.3}), "keras-torch"),
        "maximum",
    ),
}


@pytest.mark.parametrize(("trace", "word"), EXPLAINED.values(), ids=EXPLAINED)
def test_explains_what_it_is_about(trace: Callable[[], Trace], word: str) -> None:
    assert word in (explanation(trace()) or "")


@pytest.mark.parametrize("group", ["gradients", "parameters"])
@pytest.mark.parametrize("name", ["W1", "b1", "W2", "b2"])
@pytest.mark.parametrize("trace", [trace for trace, _ in EXPLAINED.values()], ids=EXPLAINED)
def test_never_hides_another_mistake(trace: Callable[[], Trace], name: str, group: str) -> None:
    right = trace()
    assert explanation(with_mistake(right, group, name, step=1)) is None
    assert explanation(with_mistake(right, group, name, step=right.steps)) is None


def test_never_hides_a_wrong_loss() -> None:
    trace = clamped(saturating())
    assert explanation(replace(trace, loss=trace.loss * 2)) is None


def test_of_log1p_is_no_wider_than_log1p_errs() -> None:
    trace = near_log1p()
    loss = trace.loss.copy()
    loss[0] += 5e-14
    assert explanation(replace(trace, loss=loss)) is None


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_never_hides_what_is_not_finite(bad: float) -> None:
    trace = clamped(saturating())
    loss = trace.loss.copy()
    loss[1] = bad
    assert explanation(replace(trace, loss=loss)) is None


def test_an_update_that_does_not_follow_from_its_own_gradient_is_never_explained() -> None:
    trace = with_float32_products(regression())
    after = trace.parameters["W1"].copy()
    after[-1] *= 1 + 1e-12  # of float32's rounding a small part, of float64's many times that
    assert explanation(replace(trace, parameters={**trace.parameters, "W1": after})) is None


def overflowing() -> Trace:
    """Float32 products of a float64 training that diverges: from step 4 on beyond the range of float32."""
    problem = named_problem("regression")
    steep = problem.changed(optimizer=Optimizer(name="sgd", learning_rate=50.0), batch_size=4, epochs=6)
    with np.errstate(all="ignore"):
        return with_float32_products(steep)


def test_float32_products_that_leave_its_range_are_explained_and_no_step_before_them_is_hidden() -> None:
    trace = overflowing()
    first = int(np.flatnonzero(~np.isfinite(trace.gradients["W1"]).all(axis=(1, 2)))[0])
    assert 0 < first < trace.steps - 1
    state = trace.part(first, first + 1).initial
    in_float64 = next(iter(by_hand.train(trace.problem.changed(initial=state))))
    assert np.isfinite(in_float64.gradients["W1"]).all()
    assert "float32" in (explanation(trace) or "")
    for step in range(first):
        assert explanation(with_mistake(trace, "gradients", "W1", step + 1)) is None


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_before_float32_products_leave_its_range_is_never_explained(bad: float) -> None:
    trace = overflowing()
    gradients = trace.gradients["W1"].copy()
    gradients[1, 0, 0] = bad
    assert explanation(replace(trace, gradients={**trace.gradients, "W1": gradients})) is None


def test_belongs_to_its_implementation_alone() -> None:
    assert explanation(in_float32(regression(), "torch")) is None
    assert explanation(clamped(saturating(), "jax")) is None


def test_of_matmul_is_no_wider_than_matrix_products_in_float32() -> None:
    assert explanation(in_float32(named_problem("classification"), "keras-torch")) is None


def test_of_tanh_says_nothing_of_a_network_without_tanh() -> None:
    assert explanation(in_float32(named_problem("regression"), "keras-jax")) is None


def test_of_keras_clip_does_not_excuse_the_clamps_of_torch() -> None:
    assert explanation(clamped(saturating(), "keras-jax")) is None


def test_a_wrong_dtype_is_never_explained() -> None:
    trace = in_float32(regression(), "keras-torch")
    assert explanation(replace(trace, loss=trace.loss.astype(np.float32))) is None


@pytest.mark.parametrize("name", ["torch", "jax", "keras-tensorflow", "keras-jax"])
def test_of_settings_says_nothing_of_plain_descent(name: str) -> None:
    assert explanation(with_float32_settings(named_problem("regression"), name)) is None


@pytest.mark.parametrize("name", ["torch", "jax"])
def test_of_settings_is_of_its_own_optimizer(name: str) -> None:
    assert explanation(with_float32_settings(with_optimizer("adam", {}), name)) is None


def test_in_float32_the_number_of_a_class_stays_that_of_one_class() -> None:
    """Were it 1 or thereabouts, every probability might be the right class's, and any loss would be explained."""
    problem = sure_and_wrong("sparse_categorical_cross_entropy").changed(l2=0.1)
    trace = in_float32(problem, "keras-tensorflow")
    assert explanation(replace(trace, loss=trace.loss * 1.001)) is None


def test_agreement_has_no_known_deviation() -> None:
    problem = named_problem("regression")
    trace = Trace.record(problem, by_hand.train(problem), implementation="keras-torch")
    assert known_deviation(trace, audit(trace)) is None
