"""Whatever stands in a problem file or record, the answer is a problem or one line, and no other exception."""

from __future__ import annotations

import copy
import json

import pytest

from problems import Problem, ProblemError
from problems.files import load_problem
from problems.records import problem_from_json, problem_to_json

ABSENT = object()
VALUES = {
    "absent": ABSENT, "text": "text", "empty-text": "", "line-break": "a\nb\x1b[31m", "fraction": 1.5, "zero": 0,
    "negative": -1, "true": True, "list": [], "table": {}, "ragged": [[1, 2], [3]], "rows": [[1.0, 2.0], [3.0, 4.0]],
    "nan": float("nan"), "inf": float("inf"), "huge": 10**400, "longer": 16**5000, "texts": ["a", "b"],
    "tables": [{"a": 1}],
}  # fmt: skip
INLINE = {"x": [[8, 8], [7, 9.5]], "y": [[1], [0]], "inputs": ["a", "b"], "targets": ["y"]}
FROM_CSV = {"csv": "t.csv", "inputs": ["a", "b"], "targets": ["y"]}
NETWORK = {"units": [2, 1], "activations": ["tanh", "sigmoid"], "loss": "binary_cross_entropy"}
OUTRIGHT = {"W1": [[1, 2], [3, 4]], "b1": [[5, 6]], "W2": [[7], [8]], "b2": [[9]]}
PLAIN = {"epochs": 5, "batch_size": 2, "order": "random", "seed": 1, "dtype": "float32"}
DOCUMENTS = {
    "outright": {
        "name": "n", "data": INLINE, "network": NETWORK, "initial": OUTRIGHT,
        "training": {"optimizer": "sgd", "learning_rate": 0.1, **PLAIN},
    },
    "constant": {
        "data": FROM_CSV, "network": NETWORK, "initial": {"weights": 0.1, "biases": 0},
        "training": {"optimizer": {"name": "sgd", "learning_rate": 1}, "epochs": 5},
    },
    "drawn": {
        "data": INLINE, "network": NETWORK, "initial": {"initializer": "random", "seed": 3},
        "training": {"learning_rate": 0.1, "epochs": 5},
    },
}  # fmt: skip


def places(value, above=()):
    """The way to every value inside `value`, tables and lists included."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield (*above, key)
        yield from places(item, (*above, key))


def replaced(document, place, value):
    """A copy of the document with another value in one place, or none there."""
    changed = copy.deepcopy(document)
    *way, last = place
    holder = changed
    for key in way:
        holder = holder[key]
    if value is ABSENT:
        del holder[last]
    else:
        holder[last] = value
    return changed


def toml(value):
    """Any value as TOML; whole numbers in hexadecimal where they are too long for digits."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, (str, bool)):
        return json.dumps(value)
    return hex(value) if isinstance(value, int) and value > 10**4000 else repr(value)


@pytest.fixture
def loads(tmp_path):
    """A function that tells whether a problem file with this content loads; else it is refused in one line."""
    (tmp_path / "t.csv").write_text("a,b,y\n8,8,1\n7,9.5,0\n")
    path = tmp_path / "p.toml"

    def check(content):
        path.write_bytes(content)
        return answered(lambda: load_problem(path), begins=f"{path}: ")

    return check


def answered(function, begins=""):
    """Whether there is a problem; else the message must be one line that begins so."""
    try:
        return isinstance(function(), Problem)
    except ProblemError as error:
        message = str(error)
        assert message.startswith(begins), message
        assert message.isprintable(), message
        assert len(message) < 600, message
        return False


def lines(document):
    return "\n".join(f"{key} = {toml(value)}" for key, value in document.items()).encode()


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_any_value_in_any_place_of_a_file(loads, document, value):
    assert loads(lines(document))
    for place in places(document):
        loads(lines(replaced(document, place, value)))


@pytest.mark.parametrize("value", [None, *VALUES.values()], ids=["null", *VALUES])
def test_any_value_in_any_place_of_a_record(loads, tmp_path, value):
    loads(lines(DOCUMENTS["outright"]))
    record = problem_to_json(load_problem(tmp_path / "p.toml"))
    assert answered(lambda: problem_from_json(record))
    for place in places(record):
        answered(lambda place=place: problem_from_json(replaced(record, place, value)))


@pytest.mark.parametrize("byte", [b"\0", b"\xff", b'"', b"\n", b"[", b"=", b"\xef\xbb\xbf", b""], ids=repr)
def test_byte_here_and_there_in_a_file(loads, byte):
    content = lines(DOCUMENTS["drawn"])
    for position in range(0, len(content), 7):
        loads(content[:position] + byte + content[position + 1 :])


@pytest.mark.parametrize("byte", [b"\0", b"\xff", b'"', b"\n", b",", b"\r", b"_", b""], ids=repr)
def test_byte_here_and_there_in_a_table(loads, tmp_path, byte):
    content = (tmp_path / "t.csv").read_bytes()
    for position in range(len(content)):
        (tmp_path / "t.csv").write_bytes(content[:position] + byte + content[position + 1 :])
        loads(lines(DOCUMENTS["constant"]))
