"""A problem validates itself, freezes itself and says in one line what is wrong."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from problems import Network, Optimizer, ProblemError
from problems.schedule import Schedule

HUGE = 10**400
LONGER = 16**5000  # more digits than Python shows


def told(value):
    """A readable id, for what has no short text of its own."""
    try:
        return ascii(value)[:25]
    except ValueError:
        return "longer"


def network(**changes):
    return Network(**({"inputs": 2, "units": (2, 1), "activations": ("tanh", "linear")} | changes))


def test_network_tells_its_shapes():
    shapes = network(units=[4, 3], activations=["relu", "sigmoid"]).parameter_shapes
    assert list(shapes.items()) == [("W1", (2, 4)), ("b1", (1, 4)), ("W2", (4, 3)), ("b2", (1, 3))]


def test_network_made_of_numpy_numbers_and_lists_is_the_same():
    assert network(inputs=np.int64(2), units=np.array([2, 1]), activations=["tanh", "linear"]) == network()
    assert {type(number) for number in network(units=np.array([2, 1])).units} == {int}


@pytest.mark.parametrize(
    ("changes", "begins"),
    [
        ({"inputs": 0}, "network.inputs: 0 is not a whole number of at least 1"),
        ({"inputs": True}, "network.inputs: True"),
        ({"inputs": 2.0}, "network.inputs: 2.0"),
        ({"inputs": HUGE}, "network.inputs: 1000"),
        ({"inputs": LONGER}, "network.inputs: a number too long to show is too large"),
        ({"units": ()}, "network.units: needs at least one layer"),
        ({"units": 2}, "network.units: 2 is not a list"),
        ({"units": "21"}, "network.units: '21' is not a list"),
        ({"units": None}, "network.units: None is not a list"),
        ({"units": (2, 0)}, "network.units: 0"),
        ({"units": (2, -1)}, "network.units: -1"),
        ({"units": (2, [1])}, "network.units: [1]"),
        ({"units": (2, np.zeros((2, 2)))}, "network.units: array"),
        ({"units": (10**6, 10**6)}, "network.units: 1000004000000 parameters are too many"),
        ({"activations": ("tanh",)}, "network.activations: 1 given for 2 layers"),
        ({"activations": "tanh"}, "network.activations: 'tanh' is not a list"),
        (
            {"activations": ("tanh", "sigmoidd")},
            "network.activations: 'sigmoidd' is not known, did you mean 'sigmoid'?",
        ),
        ({"activations": ("tanh", 3)}, "network.activations: 3 is not known; choose one of: linear, "),
        ({"activations": ("tanh", "a\nb\x1b[31m")}, "network.activations: 'a\\nb\\x1b[31m'"),
    ],
    ids=told,
)
def test_network_that_cannot_be(refused, changes, begins):
    refused(ProblemError, begins, lambda: network(**changes))


@pytest.mark.parametrize("rate", [0.1, 1, np.float32(0.5), np.int64(2), 5e-324])
def test_learning_rate_becomes_a_float(rate):
    held = Optimizer(learning_rate=rate).learning_rate
    assert type(held) is float
    assert held == rate


@pytest.mark.parametrize(
    "rate",
    [0, 0.0, -0.0, -1, np.nan, np.inf, -np.inf, np.float64("nan"), True, "0.1", None, [], 1j, HUGE, LONGER, np.ones(2)],
    ids=told,
)
def test_learning_rate_that_cannot_be(refused, rate):
    refused(ProblemError, "training.learning_rate: ", lambda: Optimizer(learning_rate=rate))


@pytest.mark.parametrize("name", ["adamx", "SGD", "", None, 3])
def test_optimizer_that_is_not_known(refused, name):
    message = refused(ProblemError, "training.optimizer: ", lambda: Optimizer(name=name, learning_rate=0.1))
    assert "choose one of: sgd" in message


@pytest.mark.parametrize("record", ["problem", "network", "optimizer"])
def test_records_are_frozen(problem, record):
    held = problem() if record == "problem" else getattr(problem(), record)
    with pytest.raises(dataclasses.FrozenInstanceError):
        held.name = "other"


@pytest.mark.parametrize("pick", [lambda p: p.x, lambda p: p.y, lambda p: p.initial["W1"], lambda p: p.initial["b2"]])
def test_arrays_are_read_only(problem, pick):
    with pytest.raises(ValueError, match="read-only"):
        pick(problem())[0, 0] = 5


def test_arrays_are_copies(problem):
    x, initial = np.ones((5, 2)), {name: values.copy() for name, values in problem().initial.items()}
    held = problem(x=x, initial=initial)
    x[:], initial["W1"][:] = 7, 7
    del initial["b1"]
    assert (held.x == 1).all()
    assert (held.initial["W1"] != 7).all()
    assert list(held.initial) == ["W1", "b1", "W2", "b2"]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_numbers_are_held_in_the_problems_dtype(problem, dtype):
    held = problem(dtype=dtype, x=np.arange(10).reshape(5, 2))
    assert {values.dtype for values in (held.x, held.y, *held.initial.values())} == {np.dtype(dtype)}


def test_counts_become_plain_integers(problem):
    held = problem(epochs=np.int32(3), batch_size=np.int64(2), seed=np.uint8(4))
    assert (held.epochs, held.batch_size, held.seed) == (3, 2, 4)
    assert {type(held.epochs), type(held.batch_size), type(held.seed)} == {int}


@pytest.mark.parametrize(("batch_size", "steps"), [(1, 10), (2, 6), (4, 4), (5, 2), (6, 2)])
def test_steps_count_short_batches(problem, batch_size, steps):
    assert problem(epochs=2, batch_size=batch_size).steps == steps


def test_changed_problem_is_validated(problem, refused):
    assert problem().changed(epochs=7).epochs == 7
    refused(ProblemError, "training.epochs: ", lambda: problem().changed(epochs=0))


@pytest.mark.parametrize("key", ["epochs", "batch_size"])
@pytest.mark.parametrize(
    "value", [0, -1, 1.5, 1.0, True, "5", None, [], np.nan, HUGE, LONGER, 2**31, np.zeros((2, 2))], ids=told
)
def test_counts_that_cannot_be(problem, refused, key, value):
    refused(ProblemError, f"training.{key}: ", lambda: problem(**{key: value}))


@pytest.mark.parametrize("value", [-1, 1.5, False, "5", None, 2**63, HUGE], ids=told)
def test_seeds_that_cannot_be(problem, refused, value):
    refused(ProblemError, "training.seed: ", lambda: problem(seed=value))


@pytest.mark.parametrize("key", ["name", "start"])
@pytest.mark.parametrize(
    "text", ["", "  ", "a\nb", "a\tb", "\x1b[31mred", "\u202eevil", "\ud800", b"bytes", 3, None], ids=told
)
def test_texts_that_are_no_line(problem, refused, key, text):
    assert "one line of printable text" in refused(ProblemError, f"{key}: ", lambda: problem(**{key: text}))


@pytest.mark.parametrize("name", ["<b>&amp;", "[bold]x[/bold]", "naïve ŷ", "a'b\"c\\d", "{0} %s"])
def test_markup_is_a_name_like_any_other(problem, name):
    assert problem(name=name, input_names=(name, "b")).input_names[0] == problem(name=name).name == name


@pytest.mark.parametrize(
    ("key", "value", "where"),
    [
        ("loss", "mse", "network.loss"),
        ("loss", None, "network.loss"),
        ("loss", np.ones(3), "network.loss"),
        ("order", "shuffle", "training.order"),
        ("order", [], "training.order"),
        ("dtype", "float8", "training.dtype"),
        ("dtype", np.float64, "training.dtype"),
        ("network", None, "network"),
        ("network", (2, 1), "network"),
        ("optimizer", "sgd", "training.optimizer"),
        ("initial", None, "initial"),
        ("initial", [], "initial"),
        ("input_names", ("a",), "data.input_names"),
        ("input_names", "ab", "data.input_names"),
        ("input_names", ("a", "a"), "data.input_names"),
        ("input_names", ("a", "b\n"), "data.input_names"),
        ("input_names", 3, "data.input_names"),
        ("target_names", ("a", "b"), "data.target_names"),
        ("target_names", (None,), "data.target_names"),
    ],
)
def test_fields_that_cannot_be(problem, refused, key, value, where):
    refused(ProblemError, f"{where}: ", lambda: problem(**{key: value}))


TABLES = {
    "flat": np.ones(5),
    "deep": np.ones((5, 2, 1)),
    "empty": np.ones((0, 2)),
    "no-columns": np.ones((5, 0)),
    "ragged": [[1, 2], [3]],
    "text": [["1", "2"]] * 5,
    "bool": np.ones((5, 2), bool),
    "objects": np.full((5, 2), None),
    "complex": np.ones((5, 2), complex),
    "huge": [[HUGE, 1]] * 5,
    "none": None,
    "nan": np.full((5, 2), np.nan),
    "inf": np.full((5, 2), -np.inf),
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("key", ["x", "y"])
def test_tables_that_cannot_be(problem, refused, key, table):
    refused(ProblemError, f"data.{key}: ", lambda: problem(**{key: table}))


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_initial_tables_that_cannot_be(problem, refused, table):
    initial = {**problem().initial, "W2": table}
    refused(ProblemError, "initial.W2: ", lambda: problem(initial=initial))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_bad_number_is_named_by_row_and_column(problem, refused, bad):
    x = np.ones((5, 2))
    x[3, 1] = bad
    refused(ProblemError, f"data.x: row 4, column 2 is {bad}; every number must be finite", lambda: problem(x=x))


def test_number_too_large_for_float32(problem, refused):
    x = np.full((5, 2), 1e39)
    assert problem(x=x).x[0, 0] == 1e39
    assert "too large for float32" in refused(ProblemError, "data.x: row 1, ", lambda: problem(x=x, dtype="float32"))


@pytest.mark.parametrize("rate", [1e-46, 1e39])
def test_learning_rate_that_float32_does_not_hold(problem, refused, rate):
    optimizer = Optimizer(learning_rate=rate)
    problem(optimizer=optimizer)
    refused(ProblemError, "training.learning_rate: ", lambda: problem(optimizer=optimizer, dtype="float32"))


@pytest.mark.parametrize(
    ("changes", "begins"),
    [
        ({"y": np.ones((4, 1))}, "data: 5 rows of inputs but 4 rows of targets"),
        ({"x": np.ones((5, 3))}, "data.x: 3 columns where the network has 2"),
        ({"y": np.ones((5, 2))}, "data.y: 2 columns where the network has 1"),
    ],
)
def test_data_that_does_not_fit_the_network(problem, refused, changes, begins):
    refused(ProblemError, begins, lambda: problem(**changes))


def test_initial_of_another_shape(problem, refused):
    initial = {**problem().initial, "b1": np.ones((2, 1))}
    refused(ProblemError, "initial.b1: shape (2, 1) where the network needs (1, 2)", lambda: problem(initial=initial))


@pytest.mark.parametrize("name", ["W3", "x\ny", 5])
def test_initial_of_another_name(problem, refused, name):
    initial = {**problem().initial, name: np.ones((1, 1))}
    assert "unknown" in refused(ProblemError, "initial: ", lambda: problem(initial=initial))


def test_initial_missing(problem, refused):
    assert "b1" in refused(ProblemError, "initial: ", lambda: problem(initial={"W1": np.ones((2, 2))}))


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "binary_cross_entropy_with_logits"])
@pytest.mark.parametrize("label", [-1, 2, 1.0000001, -5e-324])
def test_label_outside_the_domain_is_named_by_row(problem, refused, loss, label):
    y = [[0], [1], [0.5], [label], [1]]
    trained = network(activations=("tanh", "sigmoid"))
    message = refused(
        ProblemError, "data.y: data row 4, column 1 is ", lambda: problem(y=y, loss=loss, network=trained)
    )
    assert f"{loss} needs labels from 0 to 1" in message


def test_binary_cross_entropy_needs_a_probability(problem, refused):
    y = np.ones((5, 1))
    problem(y=y, loss="binary_cross_entropy_with_logits")
    refused(ProblemError, "network.loss: binary_cross_entropy needs", lambda: problem(y=y, loss="binary_cross_entropy"))


@pytest.mark.parametrize("preparation", ["a\nb", " ", 5, None])
def test_preparation_is_one_line_or_nothing(problem, preparation):
    with pytest.raises(ProblemError, match=r"^data\.preparation: "):
        problem(preparation=preparation)


@pytest.mark.parametrize(("l2", "held"), [(1e300, "inf"), (1e-300, "0.0")])
def test_penalty_that_float32_does_not_hold(problem, l2, held):
    assert problem(l2=l2).l2 == l2
    with pytest.raises(ProblemError, match=rf"^network\.l2: .* is {held} in float32$"):
        problem(l2=l2, dtype="float32")


@pytest.mark.parametrize("name", ["step", "exponential"])
def test_schedule_that_grows_beyond_the_dtype(problem, name):
    growing = Optimizer(learning_rate=0.1, schedule=Schedule(name=name, every=1, decay=1e5))
    assert problem(optimizer=growing).steps == 10  # 0.1 · 10^45 at the last of them
    with pytest.raises(ProblemError, match=r"^training\.schedule: the learning rate of step 10 is inf in float32$"):
        problem(optimizer=growing, dtype="float32")
    with pytest.raises(ProblemError, match=r"^training\.schedule: the learning rate of step 100 is inf in float64$"):
        problem(optimizer=growing, epochs=20)


def test_schedule_may_end_at_nothing(problem):
    fading = Optimizer(learning_rate=0.1, schedule=Schedule(name="step", every=1, decay=1e-300))
    assert problem(optimizer=fading).optimizer.learning_rate_at(10) == 0
