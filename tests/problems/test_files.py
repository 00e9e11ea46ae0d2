"""A problem file is a problem, or one line says what in it is not."""

from __future__ import annotations

import numpy as np
import pytest

from problems import ProblemError
from problems.files import load_problem
from problems.initializers import starting_parameters

GOOD = """
name = "placement"
[data]
x = [[8, 8], [7, 9.5]]
y = [[4], [5]]
[network]
units = [2, 1]
activations = ["linear", "sigmoid"]
loss = "mean_squared_error"
[training]
learning_rate = 0.001
epochs = 5
"""
TABLE = "a,b,y\n8,8,4\n7,9.5,5\n"
FROM_TABLE = GOOD.replace(
    "x = [[8, 8], [7, 9.5]]\ny = [[4], [5]]", 'csv = "t.csv"\ninputs = ["a", "b"]\ntargets = ["y"]'
)
OUTRIGHT = GOOD + "[initial]\nW1 = [[1, 2], [3, 4]]\nb1 = [[5, 6]]\nW2 = [[7], [8]]\nb2 = [[9]]\n"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "students.toml"


@pytest.fixture
def load(path):
    """A function that loads a problem file with this content, beside a table t.csv."""

    def problem(content, table=TABLE):
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        (path.parent / "t.csv").write_text(table)
        return load_problem(path)

    return problem


@pytest.fixture
def refusal(path, refused, load):
    """A function that returns why a problem file with this content is refused."""

    def check(content, *table):
        return refused(ProblemError, f"{path}: ", load, content, *table).removeprefix(f"{path}: ")

    return check


def changed(old, new, content=GOOD):
    """A problem file with one thing changed."""
    assert content.count(old) == 1, old
    return content.replace(old, new)


def training(lines):
    return GOOD + lines


def initial(lines, content=GOOD):
    return f"{content}[initial]\n{lines}\n"


@pytest.mark.parametrize("content", [GOOD, FROM_TABLE], ids=["inline", "csv"])
def test_data_and_network(load, content):
    problem = load(content)
    assert (problem.x.tolist(), problem.y.tolist()) == ([[8, 8], [7, 9.5]], [[4], [5]])
    assert (problem.network.sizes, problem.network.activations) == ((2, 2, 1), ("linear", "sigmoid"))
    assert (problem.name, problem.loss, problem.epochs) == ("placement", "mean_squared_error", 5)


def test_what_is_left_out_has_defaults(load):
    problem = load(changed('name = "placement"', ""))
    assert problem.name == "students"
    assert (problem.optimizer.name, problem.optimizer.learning_rate) == ("sgd", 0.001)
    assert (problem.batch_size, problem.order, problem.seed, problem.dtype) == (1, "sequential", 0, "float64")
    assert (problem.input_names, problem.target_names, problem.start) == ((), (), "constant:0.1")
    assert [set(values.flat) for values in problem.initial.values()] == [{0.1}, {0.0}, {0.1}, {0.0}]


def test_training_is_what_the_file_says(load):
    problem = load(training('batch_size = 2\norder = "shuffled"\nseed = 7\ndtype = "float32"\noptimizer = "sgd"'))
    assert (problem.batch_size, problem.order, problem.seed, problem.dtype) == (2, "shuffled", 7, "float32")
    assert problem.x.dtype == problem.initial["W1"].dtype == np.float32


def test_columns_keep_their_names(load):
    problem = load(FROM_TABLE)
    assert (problem.input_names, problem.target_names) == (("a", "b"), ("y",))


def test_columns_given_in_the_file_may_be_named(load):
    problem = load(changed("y = [[4]", 'inputs = ["a", "b"]\ntargets = ["c"]\ny = [[4]'))
    assert (problem.input_names, problem.target_names) == (("a", "b"), ("c",))


@pytest.mark.parametrize(
    "optimizer",
    ['optimizer = { name = "sgd", learning_rate = 0.5 }', 'optimizer = { name = "sgd" }\nlearning_rate = 0.5'],
    ids=["in-its-table", "beside-it"],
)
def test_learning_rate_stands_in_the_optimizers_table_or_beside_it(load, optimizer):
    assert load(changed("learning_rate = 0.001", optimizer)).optimizer.learning_rate == 0.5


@pytest.mark.parametrize(
    ("lines", "weight", "bias", "start"),
    [
        ("weights = 1", 1.0, 0.0, "constant:1"),
        ("weights = -0.25\nbiases = 0.5", -0.25, 0.5, "constant:-0.25, biases 0.5"),
        ("biases = 2.0", 0.1, 2.0, "constant:0.1, biases 2"),
        ("weights = 0.1000000000000001", 0.1000000000000001, 0.0, "constant:0.1000000000000001"),
    ],
    ids=["weights", "both", "biases", "all-digits"],
)
def test_constant_start(load, lines, weight, bias, start):
    problem = load(initial(lines))
    assert [set(values.flat) for values in problem.initial.values()] == [{weight}, {bias}, {weight}, {bias}]
    assert problem.start == start


@pytest.mark.parametrize(
    ("lines", "start"),
    [
        ('initializer = "glorot_uniform"', "glorot_uniform:0"),
        ('initializer = "glorot_uniform"\nseed = 3', "glorot_uniform:3"),
        ('initializer = "random"\nseed = 9', "random:9"),
        ('initializer = "orthogonal"\nseed = 2', "orthogonal:2"),
        ('initializer = "normal"\nseed = 2', "normal:2"),
        ('initializer = "normal"\nseed = 2\nstd = 1', "normal:2:1"),
        ('initializer = "uniform"\nrange = 0.25', "uniform:0:0.25"),
    ],
)
def test_drawn_start(load, lines, start):
    problem = load(initial(lines))
    expected = starting_parameters(problem.network, start)
    assert problem.start == start
    assert all(np.array_equal(problem.initial[name], expected[name]) for name in expected)


KEPT = {"W1": np.array([[1, 2], [3, 4]]), "b1": np.array([[5.5, 6]]), "W2": np.ones((2, 1)), "b2": np.ones((1, 1))}


def test_start_kept_in_an_npz_file(load, tmp_path):
    np.savez(tmp_path / "weights.npz", **KEPT)
    problem = load(initial('npz = "weights.npz"'))
    assert {name: values.tolist() for name, values in problem.initial.items()} == {
        name: values.tolist() for name, values in KEPT.items()
    }
    assert problem.start == "given"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"b2": None}, "initial: b2 missing; expected W1, b1, W2, b2"),
        ({"W3": np.ones((1, 1))}, "initial: W3 unknown; expected W1, b1, W2, b2"),
        ({"b1": np.ones(2)}, "initial.b1: expected a table of numbers (rows, columns), got shape (2,) of float64"),
        ({"W1": np.ones((2, 3))}, "initial.W1: shape (2, 3) where the network needs (2, 2)"),
        ({"W1": np.full((2, 2), np.inf)}, "initial.W1: row 1, column 1 is inf; every number must be finite"),
        ({"W1": np.array([[{}]])}, "initial.npz: "),
    ],
    ids=["missing", "unknown", "flat", "shape", "infinite", "pickle"],
)
def test_npz_file_that_holds_no_start(refusal, tmp_path, changes, why):
    np.savez(tmp_path / "weights.npz", **{k: v for k, v in (KEPT | changes).items() if v is not None})
    assert refusal(initial('npz = "weights.npz"')).startswith(why)


def test_start_given_outright(load):
    problem = load(OUTRIGHT)
    assert problem.initial["W1"].tolist() == [[1, 2], [3, 4]]
    assert problem.initial["b2"].tolist() == [[9]]
    assert problem.start == "given"


def test_byte_order_mark_and_windows_lines(load):
    assert load("\ufeff" + GOOD.replace("\n", "\r\n")).name == "placement"


def test_csv_stands_relative_to_the_file_or_anywhere(load, tmp_path):
    elsewhere = tmp_path / "elsewhere.csv"
    elsewhere.write_text(TABLE.replace("8,8", "1,2"))
    assert load(changed('"t.csv"', f"'{elsewhere}'", FROM_TABLE)).x[0].tolist() == [1, 2]


def test_path_is_shown_as_it_was_given(tmp_path, monkeypatch, refused):
    monkeypatch.chdir(tmp_path)
    refused(ProblemError, "./none.toml: cannot be read: No such file", load_problem, "./none.toml")


def test_missing_file(path, refused):
    refused(ProblemError, f"{path}: cannot be read: No such file", load_problem, path)


def test_folder(tmp_path, refused):
    refused(ProblemError, f"{tmp_path}: cannot be read: Is a directory", load_problem, tmp_path)


@pytest.mark.parametrize("name", ["a\0b", "a\nb"], ids=["null-byte", "line-break"])
def test_name_that_does_not_print(refused, name):
    refused(ProblemError, repr(name)[1:-1], load_problem, name)


@pytest.mark.parametrize("key", ["units", "activations", "loss", "learning_rate", "epochs", "x", "y"])
def test_missing_key(refusal, key):
    section = {"x": "data", "y": "data", "learning_rate": "training", "epochs": "training"}.get(key, "network")
    lines = [line for line in GOOD.splitlines() if not line.startswith(f"{key} ")]
    assert refusal("\n".join(lines)) == f"{section}.{key} is missing"


@pytest.mark.parametrize("key", ["inputs", "targets"])
def test_missing_columns(refusal, key):
    lines = [line for line in FROM_TABLE.splitlines() if not line.startswith(f"{key} ")]
    assert refusal("\n".join(lines)) == f"data.{key} is missing"


@pytest.mark.parametrize("section", ["data", "network", "training"])
def test_missing_section(refusal, section):
    parts = [part for part in GOOD.split("\n[") if not part.startswith(f"{section}]")]
    assert refusal("\n[".join(parts)) == f"[{section}] is missing"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "[data] is missing"),
        (b"\xff", "is not UTF-8 text (byte 1)"),
        (GOOD.encode("utf-16"), "is not UTF-8 text (byte 1)"),
        ("name = ", "is not valid TOML: Invalid value (at"),
        (changed("epochs = 5", "epochs = five"), "is not valid TOML: Invalid value (at line 12, column 10)"),
        (training("epochs = 6"), "is not valid TOML: Cannot overwrite a value (at "),
        (f"name = {'[' * 5000}", "is not valid TOML: nested too deep"),
        (f"name = {'9' * 5000}", "is not valid TOML: "),
        (changed('"placement"', '"a\nb"'), "is not valid TOML: Illegal character '\\n'"),
    ],
    ids=["empty", "not-utf-8", "utf-16", "cut-short", "bare-word", "twice", "nested", "digits", "open-string"],
)
def test_file_that_is_not_toml(refusal, content, why):
    assert refusal(content).startswith(why)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("titel = 1\n" + GOOD, "'titel' is not a known key; known are: name, data, network, initial, training"),
        (
            "[trainning]\n" + changed('name = "placement"', ""),
            "'trainning' is not a known key, did you mean 'training'?",
        ),
        (changed("x =", "z = 1\nx ="), "'data.z' is not a known key; known are: csv, npz, inputs, targets, x, y"),
        (changed("units =", "unit = 1\nunits ="), "'network.unit' is not a known key, did you mean 'units'?"),
        (training("epoch = 5"), "'training.epoch' is not a known key, did you mean 'epochs'?"),
        (
            initial("W3 = [[1]]"),
            "'initial.W3' is not a known key; known are: weights, biases, npz, initializer, seed, range, std, W1",
        ),
        (initial("weight = 1"), "'initial.weight' is not a known key, did you mean 'weights'?"),
        (training('"a\\nb" = 1'), "'training.a\\nb' is not a known key"),
        (training('optimizer = { name = "sgd", beta_1 = 0.9 }'), "'training.optimizer.beta_1' is not a known key"),
    ],
    ids=["top", "section", "data", "network", "training", "layer", "initial", "line-break", "optimizer"],
)
def test_unknown_key(refusal, content, why):
    assert refusal(content).startswith(why)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (changed('"placement"', "5"), "name: 5 is not one line of printable text"),
        (changed('"placement"', '"a\\nb"'), "name: 'a\\nb' is not one line of printable text"),
        (changed('"placement"', '" "'), "name: ' ' is not one line of printable text"),
        ("data = 5\n" + changed("[data]\nx = [[8, 8], [7, 9.5]]\ny = [[4], [5]]", ""), "data: 5 is not a table"),
        (changed("[data]", "[[data]]"), "data: [{'x': "),
        ("initial = 0.1\n" + GOOD, "initial: 0.1 is not a table"),
        (changed("[2, 1]", "2"), "network.units: 2 is not a list"),
        (changed("[2, 1]", "[]"), "network.units: needs at least one layer"),
        (changed("[2, 1]", "[2.0, 1]"), "network.units: 2.0 is not a whole number of at least 1"),
        (changed("[2, 1]", "[true, 1]"), "network.units: True is not a whole number"),
        (changed("[2, 1]", "[[2], 1]"), "network.units: [2] is not a whole number"),
        (changed("[2, 1]", "[0, 1]"), "network.units: 0 is not a whole number of at least 1"),
        (changed("[2, 1]", "[99999999999, 1]"), "network.units: 99999999999 is too large; at most 2147483647"),
        (changed("[2, 1]", "[2000000000, 1]"), "network.units: 8000000001 parameters are too many"),
        (changed("[2, 1]", "[2, 1, 1]"), "network.activations: 2 given for 3 layers"),
        (changed('["linear", "sigmoid"]', '"linear"'), "network.activations: 'linear' is not a list"),
        (changed('"sigmoid"', "3"), "network.activations: 3 is not known; choose one of: linear, sigmoid"),
        (changed('"sigmoid"', '"sigmiod"'), "network.activations: 'sigmiod' is not known, did you mean 'sigmoid'?"),
        (changed('"mean_squared_error"', '"mean_square_error"'), "network.loss: 'mean_square_error' is not known, did"),
        (changed('"mean_squared_error"', "1"), "network.loss: 1 is not known; choose one of: mean_squared_error"),
        (changed("epochs = 5", "epochs = 0"), "training.epochs: 0 is not a whole number of at least 1"),
        (changed("epochs = 5", "epochs = 5.0"), "training.epochs: 5.0 is not a whole number"),
        (changed("epochs = 5", "epochs = true"), "training.epochs: True is not a whole number"),
        (changed("epochs = 5", 'epochs = "5"'), "training.epochs: '5' is not a whole number"),
        (changed("epochs = 5", "epochs = 9999999999"), "training.epochs: 9999999999 is too large"),
        (changed("epochs = 5", f"epochs = 0x{'f' * 5000}"), "training.epochs: a number too long to show is too large"),
        (changed("epochs = 5", "epochs = 1979-05-27"), "training.epochs: datetime.date(1979, 5, 27) is not a whole"),
        (changed("0.001", '"0.001"'), "training.learning_rate: '0.001' is not a number"),
        (changed("0.001", "true"), "training.learning_rate: True is not a number"),
        (changed("0.001", "[0.1]"), "training.learning_rate: [0.1] is not a number"),
        (changed("0.001", "0"), "training.learning_rate: 0.0 must be a finite number greater than 0"),
        (changed("0.001", "-0.1"), "training.learning_rate: -0.1 must be a finite number greater than 0"),
        (changed("0.001", "nan"), "training.learning_rate: nan must be a finite number"),
        (changed("0.001", "inf"), "training.learning_rate: inf must be a finite number"),
        (changed("0.001", f"0x{'f' * 400}"), "training.learning_rate: "),
        (training('batch_size = "1"'), "training.batch_size: '1' is not a whole number"),
        (training("batch_size = 0"), "training.batch_size: 0 is not a whole number of at least 1"),
        (training("seed = -1"), "training.seed: -1 is not a whole number of at least 0"),
        (training("seed = 0xffffffffffffffff"), "training.seed: 18446744073709551615 is too large"),
        (training('order = "shuffle"'), "training.order: 'shuffle' is not known, did you mean 'shuffled'?"),
        (training("dtype = 64"), "training.dtype: 64 is not known; choose one of: float64, float32"),
        (
            training('optimizer = "admm"'),
            "training.optimizer: 'admm' is not known, did you mean 'adam'?; choose one of: sgd, ",
        ),
        (training("optimizer = 5"), "training.optimizer: 5 is not a table"),
        (training("optimizer = {}"), "training.optimizer.name is missing"),
        (training("optimizer = { name = 5 }"), "training.optimizer: 5 is not known"),
        (training('optimizer = { name = "sgd", learning_rate = 1 }'), "training.learning_rate: is given twice"),
    ],
    ids=lambda value: value.split(" ")[0] if isinstance(value, str) and "\n" not in value else "",
)
def test_wrong_value(refusal, content, why):
    assert refusal(content).startswith(why)


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ('weights = "0.1"', "initial.weights: '0.1' is not a number"),
        ("weights = true", "initial.weights: True is not a number"),
        ("weights = [[1]]", "initial.weights: [[1]] is not a number"),
        ("weights = nan", "initial.W1: row 1, column 1 is nan; every number must be finite"),
        ("biases = inf", "initial.b1: row 1, column 1 is inf; every number must be finite"),
        (f"biases = 0x{'f' * 400}", "initial.biases: "),
        ('initializer = "he_norm"', "initial.initializer: 'he_norm' is not known, did you mean 'he_normal'?"),
        ("initializer = 5", "initial.initializer: 5 is not known; choose one of: random, uniform, normal, "),
        ("seed = 5", "initial.initializer is missing"),
        ('initializer = "random"\nseed = -1', "initial.seed: -1 is not a whole number of at least 0"),
        ('initializer = "random"\nseed = 1.5', "initial.seed: 1.5 is not a whole number"),
        ('initializer = "random"\nseed = true', "initial.seed: True is not a whole number"),
        ('initializer = "random"\nweights = 0.1', "initial.weights: give either an initializer or weights, not both"),
        ('initializer = "random"\nbiases = 0.1', "initial.biases: give either an initializer or biases, not both"),
        ('initializer = "he_normal"\nstd = 1', "initial.std: is no setting of he_normal; it belongs to normal"),
        ('initializer = "normal"\nrange = 1', "initial.range: is no setting of normal; it belongs to uniform"),
        ('initializer = "normal"\nstd = 0', "initial.std: 0 must be a finite number greater than 0"),
        ('initializer = "uniform"\nrange = "1"', "initial.range: '1' is not a number"),
        ("std = 1", "initial.initializer is missing"),
        ('npz = "none.npz"', "initial.npz: "),
        ("npz = 5", "initial.npz: 5 is not one line of printable text"),
        ('npz = "w.npz"\nseed = 1', "initial.seed: give either an npz file or seed, not both"),
        ('npz = "w.npz"\nW1 = [[1]]', "initial.npz: give either W1, b1, W2, b2 or npz, not both"),
        ("W1 = [[1, 2], [3, 4]]", "initial.b1 is missing"),
        ("W1 = [[1, 2], [3, 4]]\nweights = 0.1", "initial.weights: give either W1, b1, W2, b2 or weights, not both"),
        ("b2 = [[1]]\nseed = 1", "initial.seed: give either W1, b1, W2, b2 or seed, not both"),
    ],
)
def test_wrong_start(refusal, lines, why):
    assert refusal(initial(lines)).startswith(why)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("[[1, 2], [3]]", "initial.W1: row 2 has 1 numbers, row 1 has 2"),
        ("[[1, 2]]", "initial.W1: shape (1, 2) where the network needs (2, 2)"),
        ("[1, 2]", "initial.W1: [1, 2] is not a list of rows, such as [[8, 8], [7, 9]]"),
        ("[[[1, 2]]]", "initial.W1: row 1, column 1: [1, 2] is not a number"),
        ("[]", "initial.W1: [] is not a list of rows"),
        ("[[], []]", "initial.W1: [[], []] is not a list of rows"),
        ("5", "initial.W1: 5 is not a list of rows"),
        ('[[1, "2"], [3, 4]]', "initial.W1: row 1, column 2: '2' is not a number"),
        ("[[1, 2], [true, 4]]", "initial.W1: row 2, column 1: True is not a number"),
        ("[[1, 2], [3, nan]]", "initial.W1: row 2, column 2 is nan"),
    ],
    ids=["ragged", "shape", "flat", "deep", "empty", "empty-rows", "number", "text", "bool", "nan"],
)
def test_wrong_array(refusal, given, why):
    assert refusal(changed("[[1, 2], [3, 4]]", given, OUTRIGHT)).startswith(why)


@pytest.mark.parametrize(
    ("x", "why"),
    [
        ("[[8, 8]]", "data: 1 row of inputs but 2 rows of targets"),
        ("[[8, 8], [7]]", "data.x: row 2 has 1 numbers, row 1 has 2"),
        ("[8, 7]", "data.x: [8, 7] is not a list of rows"),
        ('[[8, 8], [7, "nine"]]', "data.x: row 2, column 2: 'nine' is not a number"),
        ("[[8, 8], [7, inf]]", "data.x: row 2, column 2 is inf; every number must be finite"),
        (f"[[8, 8], [7, 0x{'f' * 400}]]", "data.x: row 2, column 2: "),
        ('"8 8"', "data.x: '8 8' is not a list of rows"),
    ],
    ids=["short", "ragged", "flat", "text", "inf", "huge", "string"],
)
def test_wrong_data(refusal, x, why):
    assert refusal(changed("[[8, 8], [7, 9.5]]", x)).startswith(why)


def test_long_values_are_shortened(refusal):
    assert len(refusal(changed("[[8, 8], [7, 9.5]]", f"[{'8, ' * 5000}]"))) < 200


def test_targets_do_not_fit_the_last_layer(refusal):
    why = "data.y: 2 columns where the network has 1 in its last layer (network.units)"
    assert refusal(changed("[[4], [5]]", "[[4, 1], [5, 1]]")) == why


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("9.5", "1e300", "data.x: row 2, column 2 is 1e+300, too large for float32"),
        ("0.001", "1e-60", "training.learning_rate: 1e-60 is 0.0 in float32"),
        ("0.001", "1e60", "training.learning_rate: 1e+60 is inf in float32"),
    ],
    ids=["data", "rate-vanishes", "rate-overflows"],
)
def test_number_that_float32_does_not_hold(refusal, load, old, new, why):
    load(changed(old, new))
    assert refusal(training('dtype = "float32"').replace(old, new)) == why


@pytest.mark.parametrize("label", ["2", "-0.5"])
def test_label_outside_the_losss_domain(refusal, label):
    content = changed("[[4], [5]]", f"[[1], [{label}]]").replace("mean_squared_error", "binary_cross_entropy")
    assert refusal(content) == (
        f"data.y: data row 2, column 1 is {float(label)!r}; binary_cross_entropy needs labels from 0 to 1"
    )


def test_label_in_a_csv_file_is_told_by_its_line_and_column(refusal):
    content = FROM_TABLE.replace("mean_squared_error", "binary_cross_entropy_with_logits")
    said = refusal(content, TABLE.replace(",4\n", ",1\n\n"))  # a blank line is no row
    assert said.startswith("data.csv: ")
    assert "t.csv: line 4, column 'y' is 5.0; binary_cross_entropy_with_logits needs labels from 0 to 1" in said


def test_classes_in_a_csv_file_are_told_by_their_line(refusal):
    content = FROM_TABLE.replace("mean_squared_error", "sparse_categorical_cross_entropy_with_logits")
    content = content.replace("units = [2, 1]", "units = [2, 300]")
    said = refusal(content.replace("[training]", '[training]\ndtype = "bfloat16"'), TABLE.replace(",5", ",257"))
    assert said.endswith("t.csv: line 3 is 257.0, which bfloat16 does not hold; use float32")


def test_loss_needs_a_probability(refusal):
    content = GOOD.replace("mean_squared_error", "binary_cross_entropy").replace('"sigmoid"', '"tanh"')
    assert "last activation is 'tanh'" in refusal(content.replace("[[4], [5]]", "[[0], [1]]"))


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('csv = "t.csv"', 'csv = "none.csv"', "none.csv: cannot be read: No such file or directory"),
        ('csv = "t.csv"', 'csv = "."', ": cannot be read: Is a directory"),
        ('csv = "t.csv"', "csv = 5", "data.csv: 5 is not one line of printable text"),
        ('csv = "t.csv"', 'csv = ["t.csv"]', "data.csv: ['t.csv'] is not one line of printable text"),
        ('csv = "t.csv"', "", "data.csv is missing; give one of: csv with inputs and targets, npz, or x and y"),
        ('csv = "t.csv"', 'csv = "t.csv"\nx = [[1, 2]]', "data.x: is one source too many; give one of: csv with"),
        ('csv = "t.csv"', 'csv = "t.csv"\ny = [[1]]', "data.y: is one source too many; give one of: csv with"),
        ('["a", "b"]', '"a"', "data.inputs: 'a' is not a list"),
        ('["a", "b"]', '["a", 2]', "data.inputs: 2 is not one line of printable text"),
        ('["a", "b"]', '["a", "b\\n"]', "data.inputs: 'b\\n' is not one line of printable text"),
        ('["a", "b"]', "[]", "data.inputs: names no column"),
        ('["a", "b"]', '["a", "a"]', "data.inputs: 'a' is named twice"),
        ('["a", "b"]', '["a", "c"]', "t.csv: column 'c' is missing; the file has 'a', 'b', 'y'"),
        ('["y"]', "[]", "data.targets: names no column"),
    ],
    ids=[
        "no-file", "folder", "number", "list", "left-out", "with-x", "with-y", "text", "number-in", "line-break",
        "none", "twice", "missing-column", "no-targets",
    ],
)  # fmt: skip
def test_wrong_csv(refusal, old, new, why):
    assert why in refusal(changed(old, new, FROM_TABLE))


def test_bad_cell_names_both_files(refusal, path):
    why = refusal(FROM_TABLE, TABLE.replace("9.5", "nine"))
    assert why == f"data.csv: {path.parent / 't.csv'}: line 3, column 'b' is 'nine'; expected a finite number"


@pytest.mark.parametrize(("key", "names"), [("inputs", '["a"]'), ("targets", '["a", "b"]')])
def test_number_of_names(refusal, key, names):
    assert refusal(changed("x =", f"{key} = {names}\nx =")).startswith(f"data.{key}: ")
