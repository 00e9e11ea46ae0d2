"""Every row of the table of semantics against the installed libraries: defaults by signature, formulas by running."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from comparisons.semantics import LIBRARIES, Meaning
from comparisons.semantics_functions import FUNCTIONS
from comparisons.semantics_updates import UPDATES
from problems.optimizer import FORMS, Optimizer
from tests.frameworks.conftest import run_in_process
from tests.frameworks.probe_semantics import ERRORS, GRADIENTS, POINTS, RATES, START, START_BIAS
from tests.frameworks.update_formulas import updated

PROBE = Path(__file__).with_name("probe_semantics.py")
IMPLEMENTATIONS = {"torch": "torch", "keras": "keras-jax", "jax": "jax", "sklearn": "sklearn"}
CLOSE = 1e-12  # relative to the parameter: the formulas differ by 1e-9 or more on these gradients
# Its product of momenta is a float32 number whatever the dtype: torch.optim's NAdam, state["mu_product"].
FLOAT32_INSIDE = {("torch", "nadam")}


def named(meaning: Meaning) -> str:
    return f"{meaning.concept}, {meaning.api}"


@pytest.fixture(scope="session")
def probed(require_or_skip) -> Any:
    """A function of a row: what the installed library says and does."""
    rows: dict[str, Any] = {}

    def row_of(meaning: Meaning) -> Any:
        library = meaning.library
        require_or_skip(IMPLEMENTATIONS[library])
        if library not in rows:
            printed = run_in_process(IMPLEMENTATIONS[library], str(PROBE), library)
            rows[library] = {(row["concept"], row["api"]): row for row in json.loads(printed)}
        return rows[library][meaning.concept, meaning.api]

    return row_of


def settings_of(meaning: Meaning) -> dict[str, Any]:
    """Every setting of the row's formula, as a problem would have it."""
    given = dict(meaning.optimizer or {})
    name = given.pop("name")
    return {"name": name, **Optimizer(name=name, learning_rate=1.0, settings=given).settings}


def formula_steps(settings: dict[str, Any]) -> list[list[Any]]:
    return list(updated(settings, [START, START_BIAS], GRADIENTS, RATES))


def farthest(steps: Any, others: Any) -> float:
    """The largest difference between two sequences of parameters, relative to the numbers."""
    pairs = [
        (np.asarray(one), np.asarray(other))
        for step, its in zip(steps, others, strict=True)
        for one, other in zip(step, its, strict=True)
    ]
    return max(float(np.max(np.abs(one - other) / np.abs(other))) for one, other in pairs)


each_row = pytest.mark.parametrize("meaning", [*UPDATES, *FUNCTIONS], ids=named)
with_optimizer = pytest.mark.parametrize("meaning", [row for row in UPDATES if row.optimizer], ids=named)


@each_row
def test_defaults_are_those_of_the_signature(meaning, probed):
    expected = json.loads(json.dumps(dict(meaning.defaults)))
    assert probed(meaning)["defaults"] == expected


@with_optimizer
def test_update_is_the_formula(meaning, probed):
    close = 1e-7 if (meaning.library, meaning.concept) in FLOAT32_INSIDE else CLOSE
    assert farthest(probed(meaning)["does"], formula_steps(settings_of(meaning))) < close


@pytest.mark.parametrize(
    "meaning", [row for row in UPDATES if row.optimizer and row.optimizer["name"] in FORMS], ids=named
)
def test_update_is_no_other_form_of_the_formula(meaning, probed):
    settings = settings_of(meaning)
    (key, forms), *_ = FORMS[settings["name"]].items()
    for form in set(forms) - {settings[key]}:
        assert farthest(probed(meaning)["does"], formula_steps({**settings, key: form})) > 1e-10


@with_optimizer
def test_settings_are_the_library_s_defaults(meaning, probed):
    """A row whose formula had another number than the library's default would pass for neither."""
    settings = settings_of(meaning)
    for key in ("epsilon", "momentum", "beta_1", "weight_decay", "rho", "clip_norm", "clip_norm_each"):
        if settings.get(key):
            changed = {**settings, key: settings[key] * 1.001 if key == "beta_1" else settings[key] / 1.01}
            assert farthest(probed(meaning)["does"], formula_steps(changed)) > CLOSE


def test_weight_decay_of_sgd_in_torch_is_added_to_the_gradient(probed):
    (meaning,) = (row for row in UPDATES if row.concept.startswith("weight_decay") and row.library == "torch")
    decay, parameters, after = meaning.arguments["weight_decay"], [START, START_BIAS], []
    for gradients, rate in zip(GRADIENTS, RATES, strict=True):
        parameters = [theta - rate * (g + decay * theta) for theta, g in zip(parameters, gradients, strict=True)]
        after.append(parameters)
    assert farthest(probed(meaning)["does"], after) < CLOSE


def leaky(slope: float) -> Any:
    return np.where(POINTS > 0, POINTS, slope * POINTS)


GELU = POINTS * 0.5 * (1 + np.array([math.erf(z / math.sqrt(2)) for z in POINTS]))
GELU_TANH = 0.5 * POINTS * (1 + np.tanh(np.sqrt(2 / np.pi) * (POINTS + 0.044715 * POINTS**3)))
SOFTPLUS = np.log1p(np.exp(POINTS))
HUBER = np.where(np.abs(ERRORS) <= 1, 0.5 * ERRORS**2, np.abs(ERRORS) - 0.5)
VALUES = {
    ("torch", "torch.nn.LeakyReLU"): leaky(0.01),
    ("keras", "keras.activations.leaky_relu"): leaky(0.2),
    ("keras", "keras.layers.LeakyReLU"): leaky(0.3),
    ("jax", "jax.nn.leaky_relu"): leaky(0.01),
    ("torch", "torch.nn.GELU"): GELU,
    ("keras", "keras.activations.gelu"): GELU,
    ("keras", "keras.ops.gelu"): GELU_TANH,
    ("jax", "jax.nn.gelu"): GELU_TANH,
    ("torch", "torch.nn.Softplus"): np.where(POINTS > 20, POINTS, SOFTPLUS),
    ("jax", "jax.nn.softplus"): SOFTPLUS,
    ("torch", "torch.nn.HuberLoss"): np.mean(HUBER),
    ("keras", "keras.losses.Huber"): np.mean(HUBER),
    ("jax", "optax.huber_loss"): HUBER,
    ("torch", "torch.nn.MSELoss"): np.mean(ERRORS**2),
    ("keras", "keras.losses.MeanSquaredError"): np.mean(ERRORS**2),
    ("jax", "optax.l2_loss"): 0.5 * ERRORS**2,
}
# Keras on JAX rounds these to float32, which tests/comparisons/test_known_deviations.py tells of.
FLOAT32_VALUES = {"keras.losses.Huber", "keras.losses.MeanSquaredError"}


@pytest.mark.parametrize("meaning", [row for row in FUNCTIONS if (row.library, row.api) in VALUES], ids=named)
def test_values_are_the_formula_s(meaning, probed):
    close = 1e-6 if meaning.api in FLOAT32_VALUES else 1e-14
    expected = VALUES[meaning.library, meaning.api]
    np.testing.assert_allclose(probed(meaning)["does"], expected, rtol=close, atol=1e-15)


def test_every_row_about_values_has_its_formula_here():
    others = {row.concept for row in FUNCTIONS if (row.library, row.api) not in VALUES}
    assert others == {"initial weights", "squared error"}


def test_softplus_of_torch_leaves_the_formula_above_its_threshold(probed):
    (meaning,) = (row for row in FUNCTIONS if row.api == "torch.nn.Softplus")
    assert probed(meaning)["does"][-1] == POINTS[-1] != SOFTPLUS[-1]


def test_slope_of_leaky_relu_at_zero_is_one_in_jax_alone(probed):
    slopes = {
        row.library: probed(row)["slope"] for row in FUNCTIONS if row.concept == "leaky_relu" and row.library != "keras"
    }
    assert slopes == {"torch": pytest.approx(0.01), "jax": 1.0}


REACHES = {
    "torch": [1 / np.sqrt(30)] * 2,
    "keras": [np.sqrt(6 / 80), 0.0],
    "jax": [np.sqrt(6 / 80)],
    "sklearn": [np.sqrt(6 / 80)] * 2 + [np.sqrt(2 / 80)] * 2,
}


@pytest.mark.parametrize("meaning", [row for row in FUNCTIONS if row.concept == "initial weights"], ids=named)
def test_initial_numbers_reach_just_as_far_as_the_formula_says(meaning, probed):
    """Of 1500 weights the largest is within 2 % of the end of a uniform range; of 50 biases, within 20 %."""
    for reach, end in zip(probed(meaning)["does"], REACHES[meaning.library], strict=True):
        assert 0.8 * end <= reach <= end * (1 + 1e-6)


def test_loss_of_sklearn_s_regressor_is_what_it_descends_over_the_number_of_outputs(probed):
    (meaning,) = (row for row in FUNCTIONS if row.concept == "squared error" and row.library == "sklearn")
    loss, weights, biases = probed(meaning)["does"]
    rows, outputs = ERRORS.shape
    penalty = 0.5 * meaning.defaults["alpha"] * 2 * 3.0**2 / rows
    assert loss == pytest.approx(np.sum(0.5 * ERRORS**2) / rows / outputs + penalty)
    np.testing.assert_allclose(biases, -ERRORS.sum(axis=0) / rows)
    np.testing.assert_allclose(weights, np.full((1, 2), meaning.defaults["alpha"] * 3.0 / rows))


def test_a_wrong_default_is_seen(probed):
    right = next(row for row in UPDATES if row.api == "torch.optim.Adam")
    with pytest.raises(AssertionError):
        test_defaults_are_those_of_the_signature(replace(right, defaults={"eps": 1e-7}), probed)


def test_a_wrong_form_is_seen(probed):
    right = next(row for row in UPDATES if row.api == "keras.optimizers.Adam")
    wrong = replace(right, optimizer={**(right.optimizer or {}), "epsilon_place": "corrected"})
    with pytest.raises(AssertionError):
        test_update_is_the_formula(wrong, probed)


def test_every_library_has_rows():
    assert {row.library for row in (*UPDATES, *FUNCTIONS)} == set(LIBRARIES)
