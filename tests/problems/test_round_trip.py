"""Any problem at all survives a problem file, a record and a trace file to the last bit."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from problems import Network, Optimizer, Problem, Step, Trace
from problems.dtypes import COMPUTED
from problems.files import load_problem, problem_to_toml
from problems.initializers import SCALES, SEEDED, starting_parameters
from problems.network import ACTIVATIONS
from problems.optimizer import BELOW_ONE, FORMS, POSITIVE, SETTINGS
from problems.problem import DTYPES, ORDERS
from problems.records import problem_from_json, problem_to_json
from problems.requirements import MOST_OF_ANYTHING, MOST_SEED
from problems.schedule import SETTINGS as SCHEDULES
from problems.schedule import Schedule
from problems.targets import LOSSES, SPARSE
from problems.trace_file import load_trace, save_trace

NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=32)
NOT_NEGATIVE = st.floats(0, allow_infinity=False)
POSITIVE_NUMBERS = st.floats(0, allow_infinity=False, exclude_min=True)
RATES = st.floats(1e-30, 1e30)
SEEDS = st.integers(0, MOST_SEED)
LINES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=8) | st.sampled_from(
    ['"', "\\", "#'=", "a b", "é😀", "[x]", "'''"]
)
LAST = {"binary_cross_entropy": "sigmoid", "categorical_cross_entropy": "softmax", SPARSE[0]: "softmax"}


@st.composite
def schedules(draw):
    name = draw(st.sampled_from(sorted(SCHEDULES)))
    drawn = {
        "every": st.integers(1, MOST_OF_ANYTHING),
        "decay": st.floats(0, 1, exclude_min=True),
        "floor": st.floats(0, 1, exclude_max=True),
    }
    return Schedule(name=name, **{key: draw(drawn[key]) for key in SCHEDULES[name]})


@st.composite
def optimizers(draw):
    name = draw(st.sampled_from(sorted(SETTINGS)))
    own = draw(st.sets(st.sampled_from([*SETTINGS[name], "weight_decay"])))
    held = {key: draw(setting(name, key)) for key in sorted(own)}
    clipping = draw(st.sampled_from([None, *POSITIVE]))
    if clipping:
        held[clipping] = draw(POSITIVE_NUMBERS)
        if clipping != "clip_value" and draw(st.booleans()):
            held["clip_epsilon"] = draw(NOT_NEGATIVE)
    return Optimizer(name=name, learning_rate=draw(RATES), settings=held, schedule=draw(schedules()))


def setting(name, key):
    if key in FORMS.get(name, {}):
        return st.sampled_from(FORMS[name][key])
    return st.floats(0, 1, exclude_max=True) if key in BELOW_ONE else NOT_NEGATIVE


@st.composite
def networks(draw, loss):
    hidden = draw(st.lists(st.tuples(st.integers(1, 3), st.sampled_from(ACTIVATIONS[:-1])), max_size=2))
    least = 2 if "categorical" in loss else 1
    last = draw(st.integers(least, 3)), LAST.get(loss) or draw(st.sampled_from(ACTIVATIONS))
    units, activations = zip(*hidden, last, strict=True)
    return Network(inputs=draw(st.integers(1, 3)), units=units, activations=activations)


def targets(loss, rows, outputs):
    """A strategy for y, whatever the loss demands of it."""
    rng = st.integers(0, MOST_SEED).map(np.random.default_rng)
    if loss in SPARSE:
        return rng.map(lambda rng: rng.integers(outputs, size=(rows, 1)).astype(float))
    if loss.startswith("categorical"):
        return rng.map(lambda rng: rng.dirichlet(np.ones(outputs), size=rows))
    if loss.startswith("binary"):
        return rng.map(lambda rng: rng.uniform(size=(rows, outputs)))
    if loss == "hinge":
        return rng.map(lambda rng: rng.choice([-1.0, 1.0], (rows, outputs)))
    return table(rows, outputs)


def table(rows, columns):
    numbers = st.lists(NUMBERS, min_size=rows * columns, max_size=rows * columns)
    return numbers.map(lambda flat: np.array(flat).reshape(rows, columns))


@st.composite
def starts(draw, network):
    """What the parameters start from, and in which words."""
    kind = draw(st.sampled_from(["given", "constant", *SEEDED]))
    if kind == "given":
        return {name: draw(table(*shape)) for name, shape in network.parameter_shapes.items()}, draw(LINES)
    if kind == "constant":
        start = f"constant:{draw(NUMBERS)!r}".removesuffix(".0")
    else:
        scale = draw(st.floats(1e-3, 1e3)) if kind in SCALES and draw(st.booleans()) else None
        start = f"{kind}:{draw(SEEDS)}" + ("" if scale is None else f":{scale!r}".removesuffix(".0"))
    return starting_parameters(network, start), start


@st.composite
def problems(draw):
    loss = draw(st.sampled_from(LOSSES))
    network, rows = draw(networks(loss)), draw(st.integers(1, 3))
    initial, start = draw(starts(network))
    y = draw(targets(loss, rows, network.units[-1]))
    names = st.lists(LINES, min_size=network.inputs, max_size=network.inputs, unique=True)
    return Problem(
        name=draw(LINES),
        x=draw(table(rows, network.inputs)),
        y=y,
        network=network,
        loss=loss,
        l2=draw(st.just(0.0) | RATES),
        initial=initial,
        start=start,
        optimizer=draw(optimizers()),
        epochs=draw(st.integers(1, MOST_OF_ANYTHING)),
        batch_size=draw(st.integers(1, MOST_OF_ANYTHING)),
        order=draw(st.sampled_from(ORDERS)),
        seed=draw(SEEDS),
        dtype=draw(st.sampled_from(COMPUTED)),  # float16 holds few of these numbers
        input_names=tuple(draw(st.just([]) | names)),
        target_names=tuple(f"target {column}" for column in range(draw(st.sampled_from([0, y.shape[1]])))),
        preparation=draw(st.just("") | LINES),
    )


def told(problem):
    """Everything in a problem as text, so that equal means equal to the last bit."""
    return repr(sorted(problem_to_json(problem).items()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("round trip")


@settings(max_examples=150, deadline=None)
@given(problem=problems())
def test_through_a_problem_file(folder, problem):
    path = folder / "other name.toml"
    path.write_text(problem_to_toml(problem), encoding="utf-8")
    again = load_problem(path)
    if again.start == "given":  # the words do not give these numbers again: they are written outright
        problem = problem.changed(start="given")
    assert told(again) == told(problem)


@pytest.mark.parametrize("kind", ["constant:-0.25", *(f"{kind}:7" for kind in SEEDED), "normal:7:2", "uniform:7:0.5"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_start_in_words_stays_in_words(folder, kind, dtype):
    network = Network(inputs=3, units=(2, 2), activations=("gelu", "softmax"))
    problem = Problem(
        name="start", x=np.ones((1, 3)), y=np.ones((1, 1)), network=network, loss=SPARSE[0], epochs=1, dtype=dtype,
        optimizer=Optimizer(learning_rate=0.1), initial=starting_parameters(network, kind), start=kind,
    )  # fmt: skip
    text = problem_to_toml(problem)
    (folder / "start.toml").write_text(text, encoding="utf-8")
    assert "W1" not in text
    assert told(load_problem(folder / "start.toml")) == told(problem)


@settings(max_examples=150, deadline=None)
@given(problem=problems())
def test_through_a_record(problem):
    again = problem_from_json(json.loads(json.dumps(problem_to_json(problem))))
    assert told(again) == told(problem)
    assert again.optimizer == problem.optimizer


@settings(max_examples=50, deadline=None)
@given(problem=problems())
def test_through_a_trace_file(folder, problem):
    step = Step(rows=np.array([0]), loss=np.array(1.0), gradients=dict(problem.initial), parameters=problem.initial)
    problem = problem.changed(epochs=1, batch_size=1, order="sequential")
    trace = Trace.record(problem, [step], implementation="nobody", environment={}, seconds={})
    save_trace(trace, folder / "t.npz")
    assert told(load_trace(folder / "t.npz").problem) == told(problem)
