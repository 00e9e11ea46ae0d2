"""Numbers that others printed are what our formulas give, to the digits that were printed."""

from __future__ import annotations

import math
import tomllib
from decimal import Decimal
from itertools import islice
from pathlib import Path

import pytest

from manual.losses import LOSSES
from manual.train import train
from problems import load_problem

FOLDER = Path(__file__).parents[1] / "examples" / "published"
PUBLISHED = tomllib.loads((FOLDER / "published.toml").read_text(encoding="utf-8"))["published"]
CASES = [
    pytest.param(entry["problem"], number, entry.get("digits"), id=f"{entry['problem']}-{number['printed']}")
    for entry in PUBLISHED
    for number in entry["numbers"]
]


def half_unit(printed: str, digits: int | None) -> Decimal:
    """Half a unit of the last printed digit, or of the last significant one where `digits` says how many there are."""
    number = Decimal(printed)
    last = number.as_tuple().exponent if digits is None else number.adjusted() - digits + 1
    return Decimal(5).scaleb(int(last) - 1)


def agrees(computed: float, printed: str, digits: int | None = None) -> bool:
    """Whether `computed` would be printed as `printed`."""
    return math.isfinite(computed) and abs(Decimal(computed) - Decimal(printed)) <= half_unit(printed, digits)


def computed(problem: str, step: int, quantity: str, index: list[int]) -> float:
    """What the formulas give for one number of one step."""
    published = load_problem(FOLDER / problem)
    if published.loss not in LOSSES:
        pytest.skip(f"{published.loss} is not written by hand yet")
    found = next(islice(train(published), step - 1, None))
    group, _, name = quantity.partition(".")
    tensor = {"loss": found.loss, "gradient": found.gradients, "parameter": found.parameters}[group]
    return float(tensor[name][tuple(index)] if name else tensor)


@pytest.mark.parametrize(("problem", "number", "digits"), CASES)
def test_published_number_is_what_the_formulas_give(problem, number, digits):
    found = computed(problem, number["step"], number["quantity"], number["index"])
    assert agrees(found, number["printed"], digits), found


def test_every_problem_file_has_published_numbers():
    assert {path.name for path in FOLDER.glob("*.toml")} == {entry["problem"] for entry in PUBLISHED} | {
        "published.toml"
    }


@pytest.mark.parametrize("entry", PUBLISHED, ids=lambda entry: entry["problem"])
def test_source_is_told(entry):
    assert "https://" in entry["source"]


@pytest.mark.parametrize(
    ("computed", "printed", "digits", "same"),
    [
        (0.1234, "0.12", None, True),
        (0.1251, "0.12", None, False),
        (-0.1966, "-0.20", None, True),
        (-0.1949, "-0.20", None, False),
        (0.0, "0.20", None, False),
        (0.2, "-0.20", None, False),
        (0.52374407, "0.52374405", None, False),
        (0.52374407, "0.52374405", 6, True),
        (0.52374460, "0.52374405", 6, False),
        (9.94, "9.9", None, True),
        (9.94, "9.9", 6, False),
        (9.90000003, "9.9", 6, True),
        (float("nan"), "9.9", None, False),
    ],
)
def test_agreement_is_to_half_a_unit_of_the_last_digit(computed, printed, digits, same):
    assert agrees(computed, printed, digits) is same
