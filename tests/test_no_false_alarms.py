"""A small sample of tests/campaigns/false_alarms.py: random steps agree, and one part in a million does not."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from comparisons.implementations import NAMES

SEED, EVERY_DAY, LONG = 5, 120, 240


@pytest.fixture
def campaign(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """A function of a module's name in tests/campaigns."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "campaigns"))
    return importlib.import_module


@pytest.mark.parametrize("steps", [EVERY_DAY, pytest.param(LONG, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", NAMES)
def test_random_steps_agree_and_a_millionth_in_a_gradient_does_not(
    name: str, steps: int, require_or_skip: Callable[[str], None], campaign: Callable[[str], Any]
) -> None:
    require_or_skip(name)
    counts, _ = campaign("false_alarms").campaign([name], SEED, steps)
    assert campaign("false_alarms").failures(counts) == []
    lessons = 1 if name == "sklearn" else 2  # scikit-learn has no mean_squared_error, and no labels but 0 and 1
    assert sum(count.compared for count in counts.values()) > (10 if lessons == 2 else 2) * steps
    if name != "keras-torch":  # which carries float32, and so disagrees as it is
        planted = [count.ordinary for (_, _, dtype), count in counts.items() if dtype == "float64"]
        assert [(one.caught, one.alone) for one in planted] == [(20 * 9, 9)] * lessons
