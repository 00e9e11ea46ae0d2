"""Problem files and tables that cannot be trained: each gives one line that names the place, exit 2, and no file."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from comparisons import cli
from problems.requirements import number_of

ROOT = Path(__file__).parents[1]
TABLE = "a,b,y\n8,8,1\n7,9.5,0\n6,1,1\n"
FROM_CSV = 'csv = "t.csv"\ninputs = ["a", "b"]\ntargets = ["y"]'
FROM_NPZ = 'npz = "t.npz"'
GOOD = f"""
[data]
{FROM_CSV}
[network]
units = [2, 1]
activations = ["tanh", "linear"]
loss = "mean_squared_error"
[initial]
initializer = "glorot_uniform"
[training]
optimizer = "sgd"
learning_rate = 0.1
epochs = 1
"""
RECORD = ("record", "p.toml", "--with", "manual-matrix", "-o", "out.npz")


def toml(*changes: str) -> dict[str, bytes]:
    """The files of a problem in which each `old -> new` is replaced."""
    text = GOOD
    for change in changes:
        old, new = change.split(" -> ")
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return {"p.toml": text.encode(), "t.csv": TABLE.encode()}


def csv(table: str | bytes) -> dict[str, bytes]:
    """The files of the good problem with this table."""
    return toml() | {"t.csv": table if isinstance(table, bytes) else table.encode()}


def npz(*changes: str, raw: bytes | None = None, **arrays: object) -> dict[str, bytes]:
    """The files of the problem with its data in an npz file of these arrays."""
    buffer = io.BytesIO()
    np.savez(buffer, **{key: np.asarray(values) for key, values in arrays.items()})
    return toml(f"{FROM_CSV} -> {FROM_NPZ}", *changes) | {"t.npz": buffer.getvalue() if raw is None else raw}


def weights(**arrays: object) -> dict[str, bytes]:
    """The files of the problem that starts from these arrays."""
    buffer = io.BytesIO()
    np.savez(buffer, **{key: np.asarray(values) for key, values in arrays.items()})
    return toml('initializer = "glorot_uniform" -> npz = "w.npz"') | {"w.npz": buffer.getvalue()}


def labels(loss: str, last: str, y: str, units: str = "[2, 1]") -> dict[str, bytes]:
    """The files of a problem with this loss, last activation and third label."""
    files = toml(f'"mean_squared_error" -> "{loss}"', f'"linear" -> "{last}"', f"[2, 1] -> {units}")
    return files | {"t.csv": TABLE.replace("6,1,1", f"6,1,{y}").encode()}


def optimizer(table: str) -> dict[str, bytes]:
    return toml(f'optimizer = "sgd" -> optimizer = {table}')


def schedule(table: str, epochs: int = 1) -> dict[str, bytes]:
    return toml(f"epochs = 1 -> epochs = {epochs}\nschedule = {table}")


X, Y = [[8.0, 8.0], [7.0, 9.5]], [[1.0], [0.0]]
START = {"W1": np.ones((2, 2)), "b1": np.ones((1, 2)), "W2": np.ones((2, 1)), "b2": np.ones((1, 1))}

FILES = {
    "empty": {"p.toml": b""},
    "not-utf-8": {"p.toml": GOOD.encode() + b"# \xff"},
    "utf-16": {"p.toml": GOOD.encode("utf-16")},
    "binary": {"p.toml": bytes(range(256))},
    "cut-short": {"p.toml": GOOD.encode()[:40]},
    "key-twice": toml("epochs = 1 -> epochs = 1\nepochs = 2"),
    "section-twice": toml("[training] -> [network]"),
    "nested-deep": {"p.toml": b"a = " + b"[" * 9000},
}
TABLES = {
    "csv-missing": ({"p.toml": GOOD.encode()}, "data.csv: t.csv: cannot be read: No such file"),
    "csv-empty": (csv(""), "data.csv: t.csv: is empty"),
    "csv-blank-lines": (csv("\n\n\n"), "data.csv: t.csv: is empty"),
    "csv-header-only": (csv("a,b,y\n"), "data.csv: t.csv: has no rows below its header"),
    "csv-no-header": (csv("8,8,1\n7,9,0\n"), "column 'a' is missing; the file has '8', '8', '1'"),
    "csv-column-missing": (csv("a,y\n1,1\n"), "column 'b' is missing; the file has 'a', 'y'"),
    "csv-column-twice": (csv("a,b,b,y\n1,2,3,1\n"), "column 'b' stands 2 times in the header"),
    "csv-semicolons": (csv(TABLE.replace(",", ";")), "the file has 'a;b;y'; separate the columns by commas"),
    "csv-mixed-separators": (csv("a,b,y\n8;8;1\n"), "line 2 has 1 cell, the header has 3"),
    "csv-decimal-commas": (csv("a,b,y\n8,0,8,0,1\n"), "line 2 has 5 cells, the header has 3"),
    "csv-long-line": (csv(TABLE + "1,2,3,4\n"), "line 5 has 4 cells, the header has 3"),
    "csv-short-line": (csv(TABLE + "1,2\n"), "line 5 has 2 cells, the header has 3"),
    "csv-text": (csv(TABLE.replace("9.5", "nine")), "line 3, column 'b' is 'nine'; expected a finite number"),
    "csv-unit": (csv(TABLE.replace("9.5", "9.5cm")), "line 3, column 'b' is '9.5cm'; expected a finite number"),
    "csv-cell-empty": (csv(TABLE.replace("9.5", "")), "line 3, column 'b' is empty; expected a finite number"),
    "csv-nan": (csv(TABLE.replace("9.5", "NaN")), "line 3, column 'b' is 'NaN'; expected a finite number"),
    "csv-infinity": (csv(TABLE.replace("9.5", "-inf")), "line 3, column 'b' is '-inf'; expected a finite number"),
    "csv-too-large": (csv(TABLE.replace("9.5", "1e999")), "line 3, column 'b' is '1e999'; expected a finite number"),
    "csv-hexadecimal": (csv(TABLE.replace("9.5", "0x1F")), "line 3, column 'b' is '0x1F'; expected a finite number"),
    "csv-thousands": (csv(TABLE.replace("9.5", '"9,500"')), "line 3, column 'b' is '9,500'; expected a finite number"),
    "csv-other-digits": (csv(TABLE.replace("9.5", "٩")), "line 3, column 'b' is '٩'; expected a finite number"),
    "csv-open-quote": (csv(TABLE + '"1,2,3\n'), "data.csv: t.csv: "),
    "csv-not-utf-8": (csv(b"a,b,y\n\xe9,2,3\n"), "data.csv: t.csv: is not UTF-8 text (byte 7)"),
    "csv-utf-16": (csv(TABLE.encode("utf-16")), "data.csv: t.csv: is not UTF-8 text (byte 1)"),
    "csv-null-bytes": (csv(TABLE.replace("9.5", "9\0")), "line 3, column 'b' is '9\\x00'; expected a finite number"),
    "csv-is-an-npz": (csv(npz(x=X, y=Y)["t.npz"]), "data.csv: t.csv: is not UTF-8 text"),
    "csv-a-folder": (toml('"t.csv" -> "."'), "data.csv: .: cannot be read: Is a directory"),
    "csv-no-file-name": (toml('"t.csv" -> "a\\u0000b"'), "data.csv: 'a\\x00b' is not one line of printable text"),
    "csv-a-device": (toml('"t.csv" -> "/dev/zero"'), "data.csv: /dev/zero: cannot be read: is no regular file"),
    "npz-a-device": (toml(f'{FROM_CSV} -> npz = "/dev/zero"'), "data.npz: /dev/zero: cannot be read: is no regular"),
    "csv-an-address": (toml('"t.csv" -> "https://example.org/t.csv"'), "is an address, and only files are read"),
    "npz-an-address": (toml(f'{FROM_CSV} -> npz = "https://example.org/t.npz"'), "is an address, and"),
    "csv-long-path": (toml(f'"t.csv" -> "{"x" * 5000}"'), "data.csv: xxxxxxxx"),
    "x-too-many-digits": (toml(f"{FROM_CSV} -> x = [[1, 1{'0' * 5000}]]\ny = [[1]]"), "line 3 holds a whole number"),
    "inputs-none": (toml('["a", "b"] -> []'), "data.inputs: names no column"),
    "inputs-twice": (toml('["a", "b"] -> ["a", "a"]'), "data.inputs: 'a' is named twice"),
    "targets-too-many": (toml('["y"] -> ["y", "a"]'), "data.y: 2 columns where the network has 1 in its last layer"),
    "x-and-csv": (toml("[data] -> [data]\nx = [[1]]"), "data.x: is one source too many"),
    "x-without-y": (toml(f"{FROM_CSV} -> x = [[1, 2]]"), "data.y is missing"),
    "x-no-rows": (toml(f"{FROM_CSV} -> x = []\ny = []"), "data.x: [] is not a list of rows"),
    "x-ragged": (toml(f"{FROM_CSV} -> x = [[1, 2], [3]]\ny = [[1], [2]]"), "data.x: row 2 has 1 numbers, row 1 has 2"),
    "x-nan": (toml(f"{FROM_CSV} -> x = [[1, nan]]\ny = [[1]]"), "data.x: row 1, column 2 is nan"),
    "x-huge-integer": (toml(f"{FROM_CSV} -> x = [[1, {10**400}]]\ny = [[1]]"), "data.x: row 1, column 2: 1000"),
    "x-more-rows-than-y": (toml(f"{FROM_CSV} -> x = [[1], [2]]\ny = [[1]]"), "data: 2 rows of inputs but 1 row of"),
    "npz-not-there": (toml(f"{FROM_CSV} -> {FROM_NPZ}"), "data.npz: t.npz: cannot be read: No such file"),
    "npz-is-a-csv": (npz(raw=TABLE.encode()), "data.npz: t.npz: is no npz file; save it with numpy.savez"),
    "npz-cut-short": (npz(raw=npz(x=X, y=Y)["t.npz"][:-9]), "data.npz: t.npz: is truncated or was altered"),
    "npz-pickled": (npz(x=np.array([[{}]], object), y=Y), "data.npz: t.npz: x is not a plain array"),
    "npz-wrong-names": (npz(inputs=X, targets=Y), "data.npz: t.npz: holds inputs, targets; expected x and y"),
    "npz-flat": (npz(x=[1.0, 2.0], y=Y), "data.npz: t.npz: x: expected a table of numbers (rows, columns)"),
    "npz-text": (npz(x=[["a", "b"]], y=Y), "data.npz: t.npz: x: expected a table of numbers (rows, columns)"),
    "npz-nan": (npz(x=[[1.0, np.nan]], y=[[1.0]]), "data.npz: t.npz: x: row 1, column 2 is nan"),
    "npz-other-rows": (npz(x=X, y=[[1.0]]), "data: 2 rows of inputs but 1 row of targets"),
    "standardize-a-word": (toml("[data] -> [data]\nstandardize = 'x'"), "data.standardize: 'x' is neither true nor"),
}  # fmt: skip
SETTINGS = {
    "key-unknown": (toml("epochs -> epoch"), "'training.epoch' is not a known key, did you mean 'epochs'?"),
    "section-unknown": (toml("[training] -> [trainings]"), "'trainings' is not a known key, did you mean 'training'?"),
    "units-zero": (toml("[2, 1] -> [0, 1]"), "network.units: 0 is not a whole number of at least 1"),
    "units-negative": (toml("[2, 1] -> [-2, 1]"), "network.units: -2 is not a whole number of at least 1"),
    "units-huge": (toml(f"[2, 1] -> [{10**30}, 1]"), f"network.units: {10**30} is too large"),
    "units-too-many-parameters": (toml("[2, 1] -> [100000, 100000]"), "parameters are too many; at most 100000000"),
    "layers-and-activations": (toml("[2, 1] -> [2, 2, 1]"), "network.activations: 2 given for 3 layers"),
    "activation-unknown": (toml('"tanh" -> "tahn"'), "network.activations: 'tahn' is not known, did you mean 'tanh'"),
    "softmax-hidden": (toml('"tanh" -> "softmax"'), "network.activations: softmax stands in layer 1"),
    "loss-unknown": (toml('"mean_squared_error" -> "mse"'), "network.loss: 'mse' is not known"),
    "loss-needs-sigmoid": (labels("binary_cross_entropy", "tanh", "1"), "network.loss: binary_cross_entropy needs a"),
    "loss-needs-softmax": (labels("categorical_cross_entropy", "linear", "1"), "network.loss: categorical_cross_ent"),
    "one-class": (labels("categorical_cross_entropy", "softmax", "1"), "network.units: categorical_cross_entropy"),
    "binary-label": (labels("binary_cross_entropy", "sigmoid", "2"), "t.csv: line 4, column 'y' is 2.0; binary_cross"),
    "binary-logits-label": (labels("binary_cross_entropy_with_logits", "linear", "-1"), "line 4, column 'y' is -1.0"),
    "hinge-label": (labels("hinge", "linear", "0"), "t.csv: line 3, column 'y' is 0.0; hinge needs labels"),
    "sparse-label-too-large": (
        labels("sparse_categorical_cross_entropy", "softmax", "2", "[2, 2]"),
        "t.csv: line 4, column 'y' is 2.0; sparse_categorical_cross_entropy needs the number of a class, 0 to 1",
    ),
    "sparse-label-negative": (
        labels("sparse_categorical_cross_entropy_with_logits", "linear", "-1", "[2, 2]"),
        "t.csv: line 4, column 'y' is -1.0",
    ),
    "sparse-label-between": (
        labels("sparse_categorical_cross_entropy", "softmax", "0.5", "[2, 2]"),
        "t.csv: line 4, column 'y' is 0.5",
    ),
    "one-hot-for-sparse": (
        npz('"linear" -> "softmax"', "[2, 1] -> [2, 2]", '"mean_squared_error" -> "sparse_categorical_cross_entropy"',
            x=X, y=[[0, 1], [1, 0]]),
        "data.y: 2 columns; sparse_categorical_cross_entropy needs one, the class's number",
    ),
    "no-distribution": (
        npz('"linear" -> "softmax"', "[2, 1] -> [2, 2]", '"mean_squared_error" -> "categorical_cross_entropy"',
            x=X, y=[[0, 1], [0.5, 0.25]]),
        "data.y: data row 2 sums to 0.75; categorical_cross_entropy needs rows that sum to 1",
    ),
    "l2-negative": (toml("[network] -> [network]\nl2 = -1"), "network.l2: -1.0 must be a finite number of 0 or more"),
    "l2-too-large": (
        toml("[network] -> [network]\nl2 = 1e300", 'epochs = 1 -> epochs = 1\ndtype = "float32"'),
        "network.l2: 1e+300 is inf in float32",
    ),
    "initializer-unknown": (toml('"glorot_uniform" -> "xavier"'), "initial.initializer: 'xavier' is not known"),
    "initializer-setting": (toml('"glorot_uniform" -> "he_normal"\nstd = 1'), "initial.std: is no setting of he_"),
    "initializer-range": (toml('"glorot_uniform" -> "uniform"\nrange = 0'), "initial.range: 0 must be a finite number"),
    "initializer-seed": (toml('"glorot_uniform" -> "normal"\nseed = -1'), "initial.seed: -1 is not a whole number"),
    "initial-infinite": (toml('initializer = "glorot_uniform" -> weights = inf'), "initial.W1: row 1, column 1 is inf"),
    "weights-missing": (weights(W1=START["W1"]), "initial: W2, b1, b2 missing; expected W1, b1, W2, b2"),
    "weights-unknown": (weights(**START, W3=np.ones((1, 1))), "initial: W3 unknown; expected W1, b1, W2, b2"),
    "weights-shape": (weights(**START | {"b1": np.ones((2, 1))}), "initial.b1: shape (2, 1) where the network needs"),
    "weights-pickled": (weights(**START | {"b1": np.array([[{}, {}]])}), "initial.npz: w.npz: b1 is not a plain array"),
    "rate-zero": (toml("0.1 -> 0"), "training.learning_rate: 0.0 must be a finite number greater than 0"),
    "rate-nan": (toml("0.1 -> nan"), "training.learning_rate: nan must be a finite number greater than 0"),
    "rate-missing": (toml("learning_rate = 0.1 -> "), "training.learning_rate is missing"),
    "epochs-huge": (toml(f"epochs = 1 -> epochs = {10**400}"), "training.epochs: 1000"),
    "batch-zero": (toml("epochs = 1 -> epochs = 1\nbatch_size = 0"), "training.batch_size: 0 is not a whole number"),
    "batch-a-word": (toml("epochs = 1 -> epochs = 1\nbatch_size = 'al'"), "number of at least 1, nor 'all'"),
    "optimizer-unknown": (toml('"sgd" -> "rmsprob"'), "training.optimizer: 'rmsprob' is not known, did you mean 'rmsp"),
    "optimizer-no-name": (optimizer("{ momentum = 0.9 }"), "training.optimizer.name is missing"),
    "optimizer-setting": (optimizer('{ name = "sgd", momentum = 0.9 }'), "'training.optimizer.momentum' is not a"),
    "momentum-one": (optimizer('{ name = "momentum", momentum = 1 }'), "training.optimizer.momentum: 1 must be below"),
    "beta-negative": (optimizer('{ name = "adam", beta_1 = -0.1 }'), "training.optimizer.beta_1: -0.1 must be a"),
    "epsilon-text": (optimizer('{ name = "adam", epsilon = "1e-8" }'), "training.optimizer.epsilon: '1e-8' is not a"),
    "form-unknown": (optimizer('{ name = "adam", epsilon_place = "in" }'), "training.optimizer.epsilon_place: 'in' is"),
    "clip-zero": (optimizer('{ name = "sgd", clip_value = 0 }'), "training.optimizer.clip_value: 0 must be a finite"),
    "clip-twice": (
        optimizer('{ name = "sgd", clip_value = 1, clip_norm = 1 }'),
        "training.optimizer.clip_norm: give one way of clipping, not clip_value too",
    ),
    "clip-epsilon-alone": (optimizer('{ name = "sgd", clip_epsilon = 1 }'), "training.optimizer.clip_epsilon: belongs"),
    "schedule-unknown": (schedule('"linear"'), "training.schedule: 'linear' is not known; choose one of: constant"),
    "schedule-setting-missing": (schedule('"step"'), "training.schedule.every is missing"),
    "schedule-setting-unknown": (schedule('{ name = "constant", every = 1 }'), "'training.schedule.every' is not a"),
    "schedule-every-zero": (schedule('{ name = "cosine", every = 0 }'), "training.schedule.every: 0 is not a whole"),
    "schedule-decay-zero": (
        schedule('{ name = "exponential", every = 1, decay = 0 }'),
        "training.schedule.decay: 0 must be a finite number greater than 0",
    ),
    "schedule-floor-one": (schedule('{ name = "cosine", every = 2, floor = 1 }'), "training.schedule.floor: 1.0 is a"),
    "schedule-beyond-float64": (
        schedule('{ name = "step", every = 1, decay = 1e300 }', epochs=2),
        "training.schedule: the learning rate of step 6 is inf in float64",
    ),
    "order-unknown": (toml("epochs = 1 -> epochs = 1\norder = 'reverse'"), "training.order: 'reverse' is not known"),
    "dtype-unknown": (toml("epochs = 1 -> epochs = 1\ndtype = 'float8'"), "training.dtype: 'float8' is not known"),
    "seed-too-large": (toml(f"epochs = 1 -> epochs = 1\nseed = {2**63}"), "training.seed: 9223372036854775808 is too"),
}  # fmt: skip
CASES = {name: (files, "p.toml: ") for name, files in FILES.items()} | TABLES | SETTINGS
THROUGH_A_PROCESS = ("empty", "csv-text", "npz-pickled", "softmax-hidden", "optimizer-setting")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder, files):
    for name, data in files.items():
        (folder / name).write_bytes(data)


def held(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def assert_refused(folder, files, place, code, output, errors):
    assert (code, output) == (2, "")
    assert errors.startswith("backproof: p.toml: ")
    assert errors.count("\n") == 1
    assert errors.endswith("\n")
    assert place in errors
    assert "Traceback" not in errors
    assert len(errors) < 1000
    assert held(folder) == files


def refusal(monkeypatch, capfd, *arguments):
    """Exit code, standard output and standard error of the command in this process."""
    monkeypatch.setattr(sys, "argv", ["backproof", *arguments])
    with pytest.raises(SystemExit) as end:
        cli.main()
    return end.value.code, *capfd.readouterr()


@pytest.mark.parametrize(("files", "place"), CASES.values(), ids=CASES)
def test_one_line_names_the_place_and_nothing_is_written(folder, monkeypatch, capfd, files, place):
    write(folder, files)
    assert_refused(folder, files, place, *refusal(monkeypatch, capfd, *RECORD))


@pytest.mark.parametrize("name", THROUGH_A_PROCESS)
def test_a_process_of_its_own_says_the_same(folder, name):
    files, place = CASES[name]
    write(folder, files)
    command = [sys.executable, "-P", "-m", "comparisons.cli", *RECORD]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert_refused(folder, files, place, done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("command", [("compare", "p.toml"), ("sensitivity", "p.toml"), ("explain", "p.toml")])
def test_every_command_refuses_alike(folder, monkeypatch, capfd, command):
    files, place = CASES["csv-text"]
    write(folder, files)
    assert_refused(folder, files, place, *refusal(monkeypatch, capfd, *command))


@pytest.mark.parametrize("name", ["p.toml", "t.csv"])
def test_file_without_permission(folder, monkeypatch, capfd, name):
    files, read = toml(), Path.read_bytes
    write(folder, files)

    def forbidden(path):
        if path.name == name:
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", forbidden)  # who runs as root may read everything
    found = refusal(monkeypatch, capfd, *RECORD)
    monkeypatch.undo()
    assert_refused(folder, files, f"{name}: cannot be read: Permission denied", *found)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes in folders")
@pytest.mark.parametrize("command", [RECORD, ("audit", "p.toml"), ("check", "p.toml")], ids=lambda command: command[0])
def test_a_pipe_is_refused_and_not_waited_for(folder, monkeypatch, capfd, command):
    os.mkfifo(folder / "p.toml")
    code, output, errors = refusal(monkeypatch, capfd, *command)
    assert (code, output, errors.count("\n")) == (2, "", 1)
    assert errors.startswith("backproof: p.toml: ")
    assert "is no regular file" in errors
    assert [path.name for path in folder.iterdir()] == ["p.toml"]


RIGHT = {
    "as-it-is": (toml(), 3),
    "one-row": (csv("a,b,y\n1,2,3\n"), 1),
    "byte-order-mark": (csv(b"\xef\xbb\xbf" + TABLE.encode()), 3),
    "quoted": (csv(TABLE.replace("9.5", '" 9.5"')), 3),
    "batch-larger-than-the-data": (toml("epochs = 1 -> epochs = 1\nbatch_size = 100"), 1),
}


@pytest.mark.parametrize(("files", "steps"), RIGHT.values(), ids=RIGHT)
def test_the_problem_that_these_cases_spoil_is_trained(folder, monkeypatch, capfd, files, steps):
    write(folder, files)
    monkeypatch.setattr(sys, "argv", ["backproof", *RECORD])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 0
    assert f"out.npz: {number_of(steps, 'step')} of p by manual-matrix" in capfd.readouterr().out
