"""docs/problem_files.md names everything there is, and its TOML is read."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from problems import load_problem
from problems.files import INITIAL, PLAIN_TRAINING, TRAINING
from problems.initializers import SCALES, SEEDED
from problems.network import ACTIVATIONS
from problems.optimizer import FORMS, GENERAL, OPTIMIZERS, SETTINGS
from problems.problem import DTYPES, ORDERS
from problems.schedule import SCHEDULES
from problems.schedule import SETTINGS as SCHEDULE_SETTINGS
from problems.targets import LOSSES

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "problem_files.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
TRIMMINGS = {
    "data": "[data]\nx = [[8, 8], [7, 9]]\ny = [[4], [5]]\n",
    "network": '[network]\nunits = [2, 1]\nactivations = ["linear", "linear"]\nloss = "mean_squared_error"\n',
    "training": "[training]\nlearning_rate = 0.1\nepochs = 1\n",
}
WORDS = {
    *(*ACTIVATIONS, *LOSSES, *OPTIMIZERS, *SCHEDULES, *SEEDED, *ORDERS, *DTYPES, *GENERAL),
    *(f"training.{key}" for key in TRAINING if key in PLAIN_TRAINING),
    *(setting for settings in SCHEDULE_SETTINGS.values() for setting in settings if setting != "floor"),
    *(form for forms in FORMS.values() for choices in forms.values() for form in choices),
}


@pytest.mark.parametrize("word", sorted(WORDS))
def test_every_choice_is_named(word):
    assert f"`{word}`" in PAGE


@pytest.mark.parametrize("key", sorted({*INITIAL, *TRAINING, "csv", "npz", "inputs", "targets", "x", "y"}))
def test_every_key_stands_in_an_example(key):
    assert any(re.search(rf"^{key} = ", block, re.MULTILINE) for block in BLOCKS)


def shown(value: float | str) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_settings_of_an_optimizer_are_told_with_their_defaults(name):
    told = ", ".join(f"`{key} = {shown(value)}`" for key, value in SETTINGS[name].items())
    assert f"| `{name}` | {told} |" in PAGE


@pytest.mark.parametrize("name", SCALES)
def test_setting_of_an_initializer_is_told_with_its_default(name):
    key, default = SCALES[name]
    assert f"`{key} = {default}`" in PAGE


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: " ".join(block.split()[:4]))
def test_toml_is_a_problem(tmp_path, block):
    sections = tomllib.loads(block)
    rest = "".join(text for section, text in TRIMMINGS.items() if section not in sections)
    (tmp_path / "p.toml").write_text(f"{block}\n{rest}", encoding="utf-8")
    (tmp_path / "students.csv").write_text("cgpa,resume_score,lpa\n8,8,4\n", encoding="utf-8")
    (tmp_path / "ripeness.csv").write_bytes((ROOT / "examples" / "ripeness.csv").read_bytes())
    np.savez(tmp_path / "students.npz", x=np.ones((3, 2)), y=np.ones(3))
    np.savez(tmp_path / "weights.npz", W1=np.ones((2, 2)), b1=np.ones((1, 2)), W2=np.ones((2, 1)), b2=np.ones((1, 1)))
    assert load_problem(tmp_path / "p.toml").steps >= 1


def test_the_full_example_is_the_file():
    assert BLOCKS[0] == (ROOT / "examples" / "ripeness.toml").read_text(encoding="utf-8")
