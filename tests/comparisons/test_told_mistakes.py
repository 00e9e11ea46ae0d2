"""Which diagnoses are told, and which say nothing beside a known deviation."""

from __future__ import annotations

import pytest

from comparisons.told_mistakes import telling
from comparisons.verdict import Diagnosis, Result, Verdict


def result(known: str | None, *mistakes: str) -> Result:
    found = tuple(Diagnosis(parameter="loss", index=(), mistakes=(one,), explanation="", of="loss") for one in mistakes)
    return Result(name="jax", verdict=Verdict.DISAGREES, known_deviation=known, diagnoses=found)


@pytest.mark.parametrize(
    ("known", "told"), [("log1p is inexact", ["precision"]), (None, ["unknown", "precision"])], ids=["known", "new"]
)
def test_beside_a_known_deviation_it_is_not_said_that_no_known_mistake_explains_it(known, told):
    assert [one.mistakes[0] for one in telling(result(known, "unknown", "precision"))] == told
