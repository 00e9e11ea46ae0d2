"""The lesson: the nine derivatives one by one equal the matrix form, and train as an independent formula does."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

import manual.nine_derivatives.train as scalar
from comparisons.arithmetic.exact import distance, exact_step
from comparisons.reference import expectations
from comparisons.tally import outside
from manual.network import loss_routes, train_step
from manual.nine_derivatives import classification, regression
from problems.catalogue import named_problem
from problems.initializers import starting_parameters
from problems.problem import Network, Optimizer, Problem
from problems.trace import Trace
from problems.training_parts import continued

LESSONS = ("regression", "classification")
STARTS = ("constant:0.1", "constant:1", "random:0", "random:1", "glorot_uniform:2")
lessons = pytest.mark.parametrize("lesson", LESSONS)
starts = pytest.mark.parametrize("start", STARTS)
dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])


def lesson_problem(lesson: str, start: str = "constant:0.1", **changes: Any) -> Problem:
    problem = named_problem(lesson)
    return problem.changed(initial=starting_parameters(problem.network, start), **changes)


def recorded(problem: Problem) -> Trace:
    return Trace.record(problem, scalar.train(problem), implementation="manual-scalar")


@pytest.fixture(params=["uncompiled", "compiled"])
def either_way(request, monkeypatch):
    """Trainings of any length uncompiled, then compiled."""
    if request.param == "compiled":
        pytest.importorskip("numba")
        monkeypatch.setattr(scalar, "LONG", 1)


@pytest.mark.usefixtures("either_way")
@dtypes
@starts
@lessons
def test_scalar_equals_matrix_within_the_bound_at_every_step(lesson, start, dtype):
    problem = lesson_problem(lesson, start, dtype=dtype)
    trace, route = recorded(problem), loss_routes(problem.network, problem.loss)[0]
    state = {name: trace.before(name, np.arange(trace.steps)) for name in problem.initial}
    x, y, rate = problem.x[trace.rows], problem.y[trace.rows], problem.x.dtype.type(problem.optimizer.learning_rate)
    expected = expectations(problem, state, x, y)
    matrix = train_step(problem.network, route, state, x, y, rate)
    for group, by_scalar, by_matrix in (
        ("gradient.", trace.gradients, matrix.gradients),
        ("parameter.", trace.parameters, matrix.parameters),
        ("", {"loss": trace.loss}, {"loss": matrix.loss}),
    ):
        for name, values in by_scalar.items():
            one = expected[group + name]
            assert one.told.all()
            assert not outside(values.astype(float), one).any()
            assert not outside(by_matrix[name].astype(float), one).any()


# The nine numbers as one vector: W1_11, W1_12, W1_21, W1_22, b1_1, b1_2, W2_11, W2_21, b2.
def loss_of(theta: Any, x: Any, y: Any, lesson: str) -> Any:
    """The loss of one row straight from its definition; it takes complex numbers."""
    squash = (lambda z: 1 / (1 + np.exp(-z))) if lesson == "classification" else (lambda z: z)
    h1 = squash(theta[0] * x[0] + theta[2] * x[1] + theta[4])
    h2 = squash(theta[1] * x[0] + theta[3] * x[1] + theta[5])
    p = squash(theta[6] * h1 + theta[7] * h2 + theta[8])
    return -y * np.log(p) - (1 - y) * np.log(1 - p) if lesson == "classification" else (y - p) ** 2


def gradient_of(theta: Any, x: Any, y: Any, lesson: str) -> Any:
    """∂L/∂θ from the loss alone: the imaginary part of L(θ + ih) is h ∂L/∂θ, with nothing cancelling."""
    h = 1e-30
    return np.array([loss_of(theta + 1j * h * step, x, y, lesson).imag / h for step in np.eye(9)])


def as_vector(parameters: Any) -> Any:
    return np.concatenate([np.ravel(parameters[name]) for name in ("W1", "b1", "W2", "b2")])


def trained_independently(problem: Problem, lesson: str) -> tuple[list[float], Any]:
    """Average loss of each epoch and the last nine numbers, from nothing but the definition of the loss."""
    theta, averages = as_vector(problem.initial), []
    for _ in range(problem.epochs):
        losses = []
        for x, y in zip(problem.x, problem.y[:, 0], strict=True):
            losses.append(loss_of(theta, x, y, lesson))
            theta = theta - problem.optimizer.learning_rate * gradient_of(theta, x, y, lesson)
        averages.append(float(np.mean(losses)))
    return averages, theta


@starts
@lessons
def test_training_is_that_of_the_loss_alone(lesson, start):
    problem = lesson_problem(lesson, start)
    averages, theta = trained_independently(problem, lesson)
    trace = recorded(problem)
    assert trace.loss.reshape(problem.epochs, 4).mean(axis=1) == pytest.approx(averages, rel=1e-11)
    assert as_vector({name: values[-1] for name, values in trace.parameters.items()}) == pytest.approx(theta, rel=1e-11)


@lessons
def test_every_gradient_of_the_first_epoch_is_that_of_the_loss_alone(lesson):
    problem = lesson_problem(lesson, "random:3", epochs=1)
    trace = recorded(problem)
    for k in range(4):
        theta = as_vector({name: trace.before(name, np.array([k])) for name in problem.initial})
        slopes = as_vector({name: values[k] for name, values in trace.gradients.items()})
        assert slopes == pytest.approx(gradient_of(theta, problem.x[k], problem.y[k, 0], lesson), rel=1e-11)


def test_the_regression_learns_and_the_classification_barely():
    losses = {lesson: recorded(lesson_problem(lesson)).loss.reshape(-1, 4).mean(axis=1) for lesson in LESSONS}
    assert losses["regression"][-1] < losses["regression"][0] / 10
    assert 0.99 < losses["classification"][-1] / losses["classification"][0] < 1


@lessons
def test_all_derivatives_are_taken_from_the_old_weights(lesson):
    """The gradient of W1 uses W2 as it was: with a huge learning rate the new W2 is another number altogether."""
    hand = {"regression": regression, "classification": classification}[lesson]
    parameters = hand.initialize_parameters(weight=0.5)
    y_hat, hidden = hand.forward_propagation([1.0, 2.0], parameters)
    _, slow = hand.update_parameters(parameters, [1.0, 2.0], 1.0, y_hat, hidden, 1e-9)
    new, fast = hand.update_parameters(parameters, [1.0, 2.0], 1.0, y_hat, hidden, 1e9)
    assert slow == fast
    assert abs(new["W2"][0][0]) > 1e6
    assert parameters == hand.initialize_parameters(weight=0.5)


@pytest.mark.parametrize("hand", [regression, classification], ids=LESSONS)
def test_initial_parameters_are_the_lessons(hand):
    assert hand.initialize_parameters() == {
        "W1": [[0.1, 0.1], [0.1, 0.1]],
        "b1": [[0.0, 0.0]],
        "W2": [[0.1], [0.1]],
        "b2": [[0.0]],
    }
    assert hand.initialize_parameters(1, 2)["b1"] == [[2, 2]]


def test_forward_propagation_returns_the_prediction_and_the_hidden_outputs():
    parameters = {"W1": [[1, 2], [3, 4]], "b1": [[5, 6]], "W2": [[7], [8]], "b2": [[9]]}
    hidden = [1 * 10 + 3 * 20 + 5, 2 * 10 + 4 * 20 + 6]
    assert regression.forward_propagation([10, 20], parameters) == (7 * hidden[0] + 8 * hidden[1] + 9, hidden)


@dtypes
def test_inside_leaves_what_is_strictly_between_zero_and_one(dtype):
    kind, limits = np.dtype(dtype).type, np.finfo(dtype)
    for p in (limits.tiny, kind(0.3), kind(1) - limits.epsneg):
        assert scalar.inside(p, dtype) == p


@dtypes
@pytest.mark.parametrize("p", [0.0, 1.0])
def test_inside_moves_certainty_to_the_nearest_number(p, dtype):
    guarded = scalar.inside(np.dtype(dtype).type(p), dtype)
    assert 0 < guarded < 1
    assert guarded.dtype == dtype
    assert abs(guarded - p) <= np.finfo(dtype).epsneg


def sure(side: float, y: float, dtype: str) -> Problem:
    problem = lesson_problem("classification")
    initial = {**problem.initial, "W2": np.full((2, 1), side)}
    return problem.changed(initial=initial, y=np.full((4, 1), y), epochs=1, dtype=dtype)


@pytest.mark.usefixtures("either_way")
@dtypes
@pytest.mark.parametrize("side", [-1e3, 1e3], ids=["sure-of-0", "sure-of-1"])
@pytest.mark.parametrize("y", [0.0, 1.0])
def test_a_saturated_training_has_a_finite_loss_and_the_right_gradient(y, side, dtype):
    problem = sure(side, y, dtype)
    trace = recorded(problem)
    assert np.isfinite(trace.loss).all()
    exact = exact_step(problem, problem.initial, problem.x[:1], problem.y[:1])
    assert distance(exact.gradients["b2"], trace.gradients["b2"][0]).max() <= 4 * np.finfo(dtype).eps


@dtypes
@lessons
def test_every_number_keeps_the_dtype(lesson, dtype):
    trace = recorded(lesson_problem(lesson, dtype=dtype, epochs=1))
    assert {v.dtype for v in (trace.loss, *trace.gradients.values(), *trace.parameters.values())} == {np.dtype(dtype)}


@pytest.mark.parametrize("order", ["sequential", "shuffled", "random"])
def test_rows_are_taken_in_the_problems_order(order):
    problem = lesson_problem("regression", order=order, seed=4, epochs=3)
    trace = recorded(problem)
    y_hat = problem.x[trace.rows[0]] @ problem.initial["W1"] @ problem.initial["W2"]
    assert trace.loss[0] == pytest.approx(((problem.y[trace.rows[0]] - y_hat) ** 2).item())
    assert trace.steps == 12


@pytest.mark.parametrize("order", ["sequential", "shuffled", "random"])
@pytest.mark.parametrize("length", [1, 3, 4, 7, 8])
def test_blocks_of_any_length_go_on_where_the_last_one_stopped(length, order, monkeypatch):
    problem = lesson_problem("classification", "random:3", order=order, seed=4, epochs=5)
    whole = recorded(problem)
    monkeypatch.setattr(scalar, "BLOCK", length)
    blocks = list(scalar.train(problem))
    assert max(block.steps for block in blocks) <= length
    cut = Trace.record(problem, blocks, implementation="manual-scalar")
    assert np.array_equal(cut.rows, whole.rows)
    assert np.array_equal(cut.loss, whole.loss)
    assert all(np.array_equal(values, whole.parameters[name]) for name, values in cut.parameters.items())


@lessons
def test_a_training_that_diverges_goes_on_in_silence(lesson):
    trace = recorded(lesson_problem(lesson, "random:3", optimizer=Optimizer(learning_rate=1e6), epochs=20))
    assert trace.steps == 80
    assert not np.isfinite(trace.parameters["W1"][-1]).all() or lesson == "classification"


NOT_WRITTEN = {
    "another-network": {"network": Network(inputs=2, units=(2, 1), activations=("linear", "tanh"))},
    "another-loss": {"loss": "half_squared_error"},
    "two-rows-at-a-time": {"batch_size": 2},
}


@pytest.mark.parametrize("changes", NOT_WRITTEN.values(), ids=NOT_WRITTEN)
def test_what_the_nine_derivatives_are_not_written_for_is_refused(changes):
    with pytest.raises(NotImplementedError, match="one row at a time and a 2-2-1 network"):
        scalar.lesson(lesson_problem("regression", **changes))


def test_versions_tell_of_numba_where_it_compiles_before_it_does(monkeypatch):
    """Before, since what goes on in a folder is asked for them first."""
    numba = pytest.importorskip("numba")
    monkeypatch.setattr(scalar, "LONG", 41)
    short, long = (lesson_problem("regression", epochs=epochs) for epochs in (10, 11))
    rest = continued(long, long.initial, 24)
    monkeypatch.delitem(sys.modules, "numba")  # nobody has imported it
    assert scalar.versions(short) == {"numpy": np.__version__}
    assert scalar.versions(long) == scalar.versions(rest) == {"numpy": np.__version__, "numba": numba.__version__}
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert scalar.versions(long) == {"numpy": np.__version__}


@pytest.mark.parametrize(
    "changes",
    [{"optimizer": Optimizer(name="adam", learning_rate=0.1)}, {"l2": 0.1}],
    ids=["adam", "penalty"],
)
def test_only_plain_descent_without_a_penalty_is_written_out(changes):
    with pytest.raises(NotImplementedError, match="plain gradient descent without a penalty"):
        list(scalar.train(named_problem("classification").changed(**changes)))
