"""The examples do what their README shows. Run as `python tests/test_examples.py` to write what they do into it."""

from __future__ import annotations

import math
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from comparisons.candidate_process import check_file
from comparisons.requests import changed
from comparisons.verdict import Verdict
from problems.catalogue import named_problem

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
README = EXAMPLES / "README.md"
SHOWN = re.compile(r"```console\n\$ backproof (?P<command>.*)\n(?P<output>(?:(?!```).*\n)*)```\n")
BESIDE_THE_BOUND = re.compile(r"at most \S+ of the bound|\|found - expected\| = .*|farthest|first at .*: ")
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?")
STARTS = ["constant:0.1", "constant:1", *(f"random:{seed}" for seed in range(1, 21))]


def commands():
    return [match["command"] for match in SHOWN.finditer(README.read_text(encoding="utf-8"))]


def shown(command):
    return next(m["output"] for m in SHOWN.finditer(README.read_text(encoding="utf-8")) if m["command"] == command)


def run(command):
    called = [sys.executable, "-m", "comparisons.cli", *command.split()]
    return subprocess.run(called, cwd=EXAMPLES, capture_output=True, encoding="utf-8", timeout=120, check=False)


def words_and_numbers(text):
    """The text without its numbers, and the numbers; what only rounding decides is left out."""
    text = BESIDE_THE_BOUND.sub("", text)
    return NUMBER.sub("#", text), [float(number.replace(",", "")) for number in NUMBER.findall(text)]


@pytest.mark.parametrize("command", commands())
def test_the_readme_shows_what_the_command_prints(command):
    done = run(command)
    words, numbers = words_and_numbers(done.stdout)
    words_shown, numbers_shown = words_and_numbers(shown(command))
    assert words == words_shown
    assert all(math.isclose(a, b, rel_tol=1e-6) for a, b in zip(numbers, numbers_shown, strict=True))
    assert done.stderr == ""
    assert done.returncode == (0 if "right" in command else 1)


def test_every_example_is_in_the_readme():
    assert {command.split()[1] for command in commands()} == {path.name for path in EXAMPLES.glob("*.py")}


def checked(file, problem, states=8):
    return check_file(EXAMPLES / file, problem, states=states, seed=0)


def names(found):
    """Parameter to index to mistakes."""
    return {(one.parameter, one.index): set(one.mistakes) for one in found.diagnoses}


def test_the_most_copied_version_prints_what_is_published():
    published = tomllib.loads((Path(__file__).parent / "data" / "most_copied.toml").read_text(encoding="utf-8"))
    losses = checked("most_copied.py", named_problem("regression")).result.epochs
    assert [f"{loss:.9f}" for loss in losses] == published["average_losses"]


def test_all_three_mistakes_of_the_most_copied_version_are_named_wherever_they_are():
    found = checked("most_copied.py", named_problem("regression"), states=64)
    assert names(found) == {
        ("W1", (0, 0)): {"updated-weight"},
        ("W1", (0, 1)): {"updated-weight", "wrong-index"},
        ("W1", (1, 0)): {"updated-weight", "wrong-index"},
        ("W1", (1, 1)): {"updated-weight"},
        ("b1", (0, 0)): {"updated-weight"},
        ("b1", (0, 1)): {"updated-weight"},
        ("b2", (0, 0)): {"wrong-base"},
    }
    assert "W2[1,0] after its update" in found.diagnoses[-1].explanation
    assert "transposed" in found.diagnoses[1].explanation


@pytest.mark.parametrize("start", STARTS)
def test_an_updated_weight_is_never_missed(start):
    problem = changed(named_problem("classification").changed(epochs=1), {"initial": start})
    found = checked("updated_weight.py", problem)
    assert found.verdict is Verdict.DISAGREES
    assert found.audit.deviations[0].step <= found.along  # seen along the problem itself
    everywhere = [(p, (i, j)) for p, rows in (("W1", 2), ("b1", 1)) for i in range(rows) for j in range(2)]
    assert names(found) == {key: {"updated-weight"} for key in everywhere}


def rewritten(text):
    return SHOWN.sub(lambda m: f"```console\n$ backproof {m['command']}\n{run(m['command']).stdout}```\n", text)


if __name__ == "__main__":
    README.write_text(rewritten(README.read_text(encoding="utf-8")), encoding="utf-8")
