"""The audit notices every mistake it promises to, names it, and compares every element of every step exactly once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import comparisons.audit
import manual.nine_derivatives.train
import manual.train
from comparisons.audit import audit, chunks, observed_at
from comparisons.tally import Judged, Tally
from comparisons.verdict import Audit, Verdict
from manual.activations import ACTIVATIONS
from manual.network import forward, loss_routes, train_step
from manual.optimizers import sgd
from problems.catalogue import named_problem
from problems.initializers import starting_parameters
from problems.order import batches
from problems.problem import Network, Optimizer, Problem
from problems.step import Step
from problems.trace import Trace

LESSONS = ("regression", "classification")
DTYPES = ("float64", "float32")
lessons = pytest.mark.parametrize("lesson", LESSONS)
dtypes = pytest.mark.parametrize("dtype", DTYPES)
NINE = [("W1", i, j) for i in (0, 1) for j in (0, 1)] + [
    ("b1", 0, 0),
    ("b1", 0, 1),
    ("W2", 0, 0),
    ("W2", 1, 0),
    ("b2", 0, 0),
]
nine = pytest.mark.parametrize(
    ("name", "index"), [(n, (i, j)) for n, i, j in NINE], ids=[f"{n}[{i},{j}]" for n, i, j in NINE]
)


def lesson_problem(lesson: str, dtype: str = "float64", **changes: Any) -> Problem:
    """The lesson from a random start, two epochs; from 0.1 and 0 both hidden units would stay the same for ever."""
    problem = named_problem(lesson)
    fields = {"initial": starting_parameters(problem.network, "random:5"), "epochs": 2, "dtype": dtype}
    return problem.changed(**(fields | changes))


def recorded(problem: Problem) -> Trace:
    return Trace.record(problem, manual.train.train(problem), implementation="manual-matrix")


def altered(trace: Trace, quantity: str, step: int, index: tuple[int, ...], change: Callable[[Any], Any]) -> Trace:
    """`trace` with one element of one step changed."""
    group, _, name = quantity.partition(".")
    held = {"loss": trace.loss, "gradient": trace.gradients, "parameter": trace.parameters}[group]
    values = (held[name] if name else held).copy()
    place = (step - 1, *index)
    values[place] = change(values[place])
    field = {"loss": "loss", "gradient": "gradients", "parameter": "parameters"}[group]
    return replace(trace, **{field: {**held, name: values} if name else values})


Mistake = Callable[[dict[str, Any], dict[str, Any], Any], tuple[Any, dict[str, Any], dict[str, Any]]]


def trained_wrongly(problem: Problem, gradients: Mistake | None = None, update: Mistake | None = None) -> Trace:
    """A training that goes on from its own mistakes: `gradients` spoils the gradients, `update` the new parameters."""

    def steps() -> Iterator[Step]:
        route, *_ = loss_routes(problem.network, problem.loss)
        rate = np.dtype(problem.dtype).type(problem.optimizer.learning_rate)
        held: Any = problem.initial
        for rows in batches(problem):
            loss, slopes, _ = train_step(problem.network, route, held, problem.x[rows], problem.y[rows], rate)
            slopes = gradients(slopes) if gradients else slopes
            new = sgd(held, slopes, rate)
            held = update(held, new) if update else new
            yield Step(rows=rows, loss=loss, gradients=slopes, parameters=held)

    return Trace.record(problem, steps(), implementation="wrong")


def scaled(name: str, index: tuple[int, int], factor: float) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def scale(tensors: dict[str, Any]) -> dict[str, Any]:
        values = tensors[name].copy()
        values[index] *= factor
        return {**tensors, name: values}

    return scale


def moved_too_far(name: str, index: tuple[int, int], factor: float) -> Callable[[Any, Any], Any]:
    def update(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
        values = after[name].copy()
        values[index] = before[name][index] + factor * (values[index] - before[name][index])
        return {**after, name: values}

    return update


def named(found: Audit) -> list[tuple[str, int, tuple[int, ...]]]:
    """What the record says of the first bad step: quantity, step and index."""
    assert found.verdict is Verdict.DISAGREES
    return [(one.quantity, one.step, one.index) for one in found.deviations]


@dtypes
@lessons
@pytest.mark.parametrize("start", ["constant:0.1", "constant:1", "random:3"])
@pytest.mark.parametrize("by_hand", [manual.train, manual.nine_derivatives.train], ids=["matrix", "scalar"])
def test_the_manual_implementations_agree(by_hand, start, lesson, dtype):
    problem = named_problem(lesson)
    problem = problem.changed(dtype=dtype, initial=starting_parameters(problem.network, start))
    found = audit(Trace.record(problem, by_hand.train(problem), implementation="by hand"))
    assert (found.verdict, found.carries, found.not_told, found.wrong_steps) == (Verdict.AGREES, dtype, 0, 0)
    assert found.compared == problem.steps * 19
    assert found.worst.ratio <= 1


@dtypes
@lessons
@nine
def test_a_derivative_off_by_a_thousandth_is_named(name, index, lesson, dtype):
    trace = trained_wrongly(lesson_problem(lesson, dtype), gradients=scaled(name, index, 1.001))
    assert (f"gradient.{name}", 1, index) in named(audit(trace))
    assert {quantity for quantity, *_ in named(audit(trace))} <= {f"gradient.{name}", f"parameter.{name}"}


@lessons
@nine
def test_an_update_off_by_a_thousandth_is_named(name, index, lesson):
    trace = trained_wrongly(lesson_problem(lesson), update=moved_too_far(name, index, 1.001))
    assert named(audit(trace)) == [(f"parameter.{name}", 1, index)]


@lessons
@nine
def test_a_parameter_that_never_moves_is_named(name, index, lesson):
    trace = trained_wrongly(lesson_problem(lesson), update=moved_too_far(name, index, 0.0))
    assert named(audit(trace)) == [(f"parameter.{name}", 1, index)]


@dtypes
@lessons
@pytest.mark.parametrize("step", [1, 4, 8])
def test_a_loss_off_by_a_thousandth_is_named(step, lesson, dtype):
    trace = altered(recorded(lesson_problem(lesson, dtype)), "loss", step, (), lambda loss: loss * np.float32(1.001))
    assert named(audit(trace)) == [("loss", step, ())]


@lessons
@nine
@pytest.mark.parametrize("sign", [-1, 1], ids=["below", "above"])
def test_a_millionth_in_one_element_at_one_step_is_caught(sign, name, index, lesson):
    trace = altered(recorded(lesson_problem(lesson)), f"gradient.{name}", 6, index, lambda g: g * (1 + sign * 1e-6))
    found = audit(trace)
    assert named(found) == [(f"gradient.{name}", 6, index)]
    assert (found.wrong_steps, found.deviations[0].wrong) == (1, 1)


def test_the_record_holds_both_values_the_bound_and_what_agreed():
    trace = recorded(lesson_problem("classification"))
    found = audit(altered(trace, "gradient.W1", 3, (1, 0), lambda g: g + 0.25))
    (one,) = found.deviations
    assert one.actual == trace.gradients["W1"][2, 1, 0] + 0.25
    assert one.actual - one.expected == pytest.approx(0.25)
    assert one.ratio == pytest.approx(abs(one.actual - one.expected) / one.bound)
    assert (one.wrong, one.elements) == (1, 4)
    assert set(found.agreed) == {q.name for q in found.quantities} - {"gradient.W1"}
    assert found.worst == one


def test_the_first_bad_step_is_reported_with_every_tensor_wrong_in_it():
    trace = recorded(lesson_problem("regression"))
    for quantity, step in (("gradient.W2", 5), ("gradient.b1", 3), ("loss", 3)):
        trace = altered(trace, quantity, step, () if quantity == "loss" else (0, 0), lambda value: value * 2)
    found = audit(trace)
    assert named(found) == [("loss", 3, ()), ("gradient.b1", 3, (0, 0))]
    assert found.wrong_steps == 2


NOT_NUMBERS = {"nan": np.nan, "infinity": np.inf, "minus-infinity": -np.inf}
QUANTITIES = ["loss", *(f"{what}.{name}" for what in ("gradient", "parameter") for name in ("W1", "b1", "W2", "b2"))]


@dtypes
@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("value", NOT_NUMBERS.values(), ids=NOT_NUMBERS)
def test_what_is_not_finite_is_never_agreement(value, quantity, dtype):
    trace = recorded(lesson_problem("classification", dtype))
    index = () if quantity == "loss" else (0, 0)
    found = audit(altered(trace, quantity, 8, index, lambda _: value))
    assert named(found) == [(quantity, 8, index)]
    assert found.worst.ratio == np.inf


def test_not_finite_where_the_bound_says_nothing_is_no_agreement_either():
    trace = recorded(saturated(0.0))
    assert audit(trace).verdict is Verdict.BLIND
    assert audit(altered(trace, "gradient.W1", 1, (0, 0), lambda _: np.nan)).verdict is Verdict.DISAGREES


@lessons
def test_a_training_that_diverges_in_its_first_step_is_no_agreement(lesson):
    huge = {name: values * 1e200 for name, values in lesson_problem(lesson).initial.items()}
    problem = lesson_problem("regression", initial=huge, optimizer=Optimizer(learning_rate=1.0))
    with np.errstate(all="ignore"):
        found = audit(recorded(problem))
    assert (found.verdict, found.compared) == (Verdict.BLIND, 0)


def test_a_training_that_grows_to_infinity_step_by_step_is_compared_up_to_there():
    problem = lesson_problem("regression", optimizer=Optimizer(learning_rate=10.0), epochs=6)
    with np.errstate(all="ignore"):
        trace = recorded(problem)
    finite = np.isfinite(trace.loss) & np.isfinite(trace.parameters["W1"]).all(axis=(1, 2))
    found = audit(trace)
    assert found.verdict is Verdict.AGREES
    assert 1 < found.divergence.step <= int(np.argmin(finite)) + 1


def everything_as(trace: Trace, kind: Any) -> Trace:
    def rounded(values: Any) -> Any:
        return values.astype(kind).astype(np.float64)

    return replace(
        trace,
        loss=rounded(trace.loss),
        gradients={name: rounded(values) for name, values in trace.gradients.items()},
        parameters={name: rounded(values) for name, values in trace.parameters.items()},
    )


@lessons
def test_a_float64_run_rounded_to_float32_says_what_it_carries(lesson):
    found = audit(everything_as(recorded(lesson_problem(lesson)), np.float32))
    assert (found.verdict, found.carries) == (Verdict.DISAGREES, "float32")


@lessons
def test_a_float64_run_computed_in_float32_says_what_it_carries(lesson):
    lower = recorded(lesson_problem(lesson, "float32"))
    found = audit(
        replace(
            everything_as(lower, np.float32), problem=lesson_problem(lesson), initial=lesson_problem(lesson).initial
        )
    )
    assert (found.verdict, found.carries) == (Verdict.DISAGREES, "float32")


@lessons
def test_a_run_rounded_to_half_precision_carries_neither(lesson):
    found = audit(everything_as(recorded(lesson_problem(lesson)), np.float16))
    assert (found.verdict, found.carries) == (Verdict.DISAGREES, None)


def test_one_tensor_in_float32_is_told_from_the_others():
    trace = recorded(lesson_problem("classification"))
    found = audit(replace(trace, gradients={**trace.gradients, "W1": trace.gradients["W1"].astype("f4").astype("f8")}))
    assert found.carries == "float32"
    assert {q.name: q.carries for q in found.quantities if q.carries != "float64"} == {"gradient.W1": "float32"}


SHAPES = lesson_problem("regression").network.parameter_shapes
PLACES = [("loss", ())] + [
    (f"{what}.{name}", index)
    for what in ("gradient", "parameter")
    for name, shape in SHAPES.items()
    for index in np.ndindex(shape)
]


def in_batches(batch_size: int, **changes: Any) -> Trace:
    """Five rows in batches, the last of an epoch short."""
    problem = lesson_problem("classification")
    rows = {"x": np.vstack([problem.x, problem.x[:1] + 1]), "y": np.vstack([problem.y, problem.y[:1]])}
    return recorded(problem.changed(batch_size=batch_size, **rows, **changes))


@pytest.fixture(params=[1, 40, 400_000], ids=lambda elements: f"chunks-of-{elements}")
def chunk_elements(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(comparisons.audit, "CHUNK_ELEMENTS", request.param)
    return int(request.param)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 5, 9])
def test_every_step_stands_in_exactly_one_chunk(batch_size, chunk_elements):
    trace = in_batches(batch_size)
    parts = list(chunks(trace))
    assert sorted(np.concatenate(parts).tolist()) == list(range(trace.steps))
    assert all(len({int((trace.rows[k] >= 0).sum()) for k in part}) == 1 for part in parts)


@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_every_element_of_every_step_is_judged_exactly_once(batch_size, chunk_elements, monkeypatch):
    trace, seen = in_batches(batch_size), Counter()
    add = Tally.add

    def counted(tally: Tally, part: Judged) -> None:
        for k, position in enumerate(part.positions.tolist()):
            seen.update((tally.name, position + 1, index) for index in np.ndindex(part.actual[k].shape))
        add(tally, part)

    monkeypatch.setattr(Tally, "add", counted)
    audit(trace)
    assert seen == Counter((quantity, step, index) for quantity, index in PLACES for step in range(1, trace.steps + 1))


@pytest.mark.parametrize(("quantity", "index"), PLACES, ids=[f"{q}{list(i)}" for q, i in PLACES])
def test_each_element_of_each_step_is_the_one_reported(quantity, index, monkeypatch):
    monkeypatch.setattr(comparisons.audit, "CHUNK_ELEMENTS", 40)
    trace = in_batches(2)
    for step in range(1, trace.steps + 1):
        found = audit(altered(trace, quantity, step, index, lambda value: value + 1e-3))
        assert named(found) == [(quantity, step, index)]


@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_compared_and_not_told_are_all_there_is(batch_size, chunk_elements):
    trace = in_batches(batch_size)
    found = audit(trace)
    assert found.compared + found.not_told == trace.steps * len(PLACES)
    assert all(
        q.compared + q.not_told == trace.steps * np.prod(SHAPES.get(q.name.partition(".")[2], ()))
        for q in found.quantities
    )


@pytest.mark.parametrize("spoil", [None, "gradient.W1", "parameter.b2", "loss"])
def test_the_chunk_size_changes_nothing(spoil, chunk_elements, monkeypatch):
    trace = in_batches(2, epochs=5)
    if spoil:
        trace = altered(trace, spoil, 7, () if spoil == "loss" else (0, 0), lambda value: value * 1.001)
    found = audit(trace)
    monkeypatch.setattr(comparisons.audit, "CHUNK_ELEMENTS", 10**9)
    assert audit(trace) == found


def test_every_step_is_judged_from_its_own_state():
    """A step that starts from numbers that were wrong, and is right itself, is right."""
    problem = lesson_problem("regression")
    trace = recorded(problem)
    elsewhere = replace(
        trace, parameters={n: v + (np.arange(8) >= 2).reshape(-1, 1, 1) * 0.1 for n, v in trace.parameters.items()}
    )
    found = audit(elsewhere)
    assert {one.step for one in found.deviations} == {3}
    after = recorded(
        problem.changed(initial={n: v[2] for n, v in elsewhere.parameters.items()}, order="random", seed=1)
    )
    assert audit(after).verdict is Verdict.AGREES


def test_the_rows_of_each_step_are_its_own():
    observed = observed_at(in_batches(2), np.array([1, 4]))
    assert (observed.x == in_batches(2).problem.x[[[2, 3], [2, 3]]]).all()


def saturated(y: float) -> Problem:
    """One sigmoid node with z = 800: from its probability nothing can be told."""
    return Problem(
        name="saturated",
        x=np.ones((1, 1)),
        y=np.full((1, 1), y),
        network=Network(inputs=1, units=(1,), activations=("sigmoid",)),
        loss="binary_cross_entropy",
        initial={"W1": np.array([[800.0]]), "b1": np.zeros((1, 1))},
        optimizer=Optimizer(learning_rate=0.1),
        epochs=1,
    )


def test_where_only_updates_can_be_told_the_audit_is_blind():
    found = audit(recorded(saturated(0.0)))
    assert (found.verdict, found.compared, found.not_told) == (Verdict.BLIND, 2, 3)
    assert {quantity.name for quantity in found.quantities if quantity.compared} == {"parameter.W1", "parameter.b1"}
    assert found.carries is None


# Traps that other tools fell into.


def test_trap_a_transposed_gradient_of_equal_mean():
    """PaDiff compares the mean of a tensor: a transposed gradient passes."""
    trace = recorded(lesson_problem("classification"))
    transposed = trace.gradients["W1"].mT
    assert (transposed.mean(axis=(1, 2)) == trace.gradients["W1"].mean(axis=(1, 2))).all()
    found = audit(replace(trace, gradients={**trace.gradients, "W1": transposed}))
    assert [one.quantity for one in found.deviations] == ["gradient.W1"]
    assert (found.deviations[0].step, found.deviations[0].wrong) == (1, 2)


def test_trap_nan_against_a_threshold():
    """`if deviation > tolerance` lets NaN pass."""
    trace = recorded(lesson_problem("regression"))
    found = audit(replace(trace, gradients={n: np.full_like(v, np.nan) for n, v in trace.gradients.items()}))
    assert sum(q.wrong for q in found.quantities) == 8 * 9


def same_shapes() -> Problem:
    """2-2-2: W1 and W2, b1 and b2 have the same shapes."""
    problem = lesson_problem("regression")
    network = Network(inputs=2, units=(2, 2), activations=("linear", "linear"))
    return problem.changed(
        network=network,
        y=np.hstack([problem.y, -problem.y]),
        initial=starting_parameters(network, "random:2"),
        target_names=(),
    )


def test_trap_names_matched_by_position():
    """Two tensors of one shape under each other's name; the same names in another order are no mistake."""
    trace = recorded(same_shapes())
    swapped = {
        "W1": trace.gradients["W2"],
        "b1": trace.gradients["b1"],
        "W2": trace.gradients["W1"],
        "b2": trace.gradients["b2"],
    }
    found = audit(replace(trace, gradients=swapped))
    assert [one.quantity for one in found.deviations] == ["gradient.W1", "gradient.W2"]
    assert audit(replace(trace, gradients=dict(reversed(trace.gradients.items())))).verdict is Verdict.AGREES


def test_trap_a_tolerance_that_grows_with_the_tensor():
    """JAX's check_grads lets an error of 0.05 in one of 784 · 128 elements pass."""
    rng = np.random.default_rng(0)
    network = Network(inputs=784, units=(128,), activations=("linear",))
    problem = Problem(
        name="wide",
        x=rng.random((1, 784)),
        y=rng.random((1, 128)),
        network=network,
        loss="mean_squared_error",
        initial=starting_parameters(network, "glorot_uniform:0"),
        optimizer=Optimizer(learning_rate=0.1),
        epochs=1,
    )
    trace = recorded(problem)
    assert audit(trace).verdict is Verdict.AGREES
    found = audit(altered(trace, "gradient.W1", 1, (400, 77), lambda value: value + 0.05))
    assert named(found) == [("gradient.W1", 1, (400, 77))]
    assert found.deviations[0].wrong == 1


@lessons
def test_trap_an_upstream_gradient_of_all_ones(lesson):
    """Backward from ones in the place of ∂L/∂ŷ."""

    def from_ones(problem: Problem, held: Any, x: Any) -> dict[str, Any]:
        y_hat, cache = forward(problem.network, held, x)
        slope = ACTIVATIONS[problem.network.activations[-1]].slope
        dz = np.ones_like(y_hat) * slope(cache.z[-1], y_hat)
        return manual.network.backward(problem.network, held, cache, dz)

    problem = lesson_problem(lesson)
    trace = recorded(problem)
    ones = [
        from_ones(problem, {n: trace.before(n, np.array([k]))[0] for n in trace.initial}, problem.x[rows])
        for k, rows in enumerate(trace.rows)
    ]
    found = audit(replace(trace, gradients={n: np.stack([step[n] for step in ones]) for n in trace.gradients}))
    assert {one.quantity for one in found.deviations} == {f"gradient.{name}" for name in SHAPES}


def test_trap_two_mistakes_that_cancel_in_the_loss():
    """A hidden unit negated on its way in and on its way out: every prediction and every loss stays as it was."""

    def negated(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
        return {**after, **{name: -after[name] for name in ("W1", "b1", "W2")}}

    problem = lesson_problem("regression")
    trace = trained_wrongly(problem, update=negated)
    assert np.array_equal(trace.loss, recorded(problem).loss)
    assert {one.quantity for one in audit(trace).deviations} == {"parameter.W1", "parameter.b1", "parameter.W2"}


def test_trap_a_trajectory_of_length_zero():
    found = audit(recorded(lesson_problem("regression")).part(0, 0))
    assert (found.verdict, found.compared) == (Verdict.DISAGREES, 0)
    assert found.faults == ("the trace is empty: no step was recorded",)


def test_trap_a_small_move_of_a_large_parameter():
    """Under a tolerance relative to the parameter, an update wrong by a hundredth hides behind its size."""
    problem = lesson_problem("classification")
    large = {name: values + 3.0 for name, values in problem.initial.items()}
    trace = trained_wrongly(problem.changed(initial=large, epochs=1), update=moved_too_far("b2", (0, 0), 1.01))
    right = recorded(trace.problem)
    assert np.allclose(trace.parameters["b2"], right.parameters["b2"], rtol=1e-5)
    assert named(audit(trace)) == [("parameter.b2", 1, (0, 0))]
