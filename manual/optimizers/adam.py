"""Adam: averages of the gradient and of its square, both corrected for having started at 0 (Kingma & Ba, 2015).

AdamW is the same with decoupled decay (Loshchilov & Hutter, 2019, algorithm 2), which `update` applies to every
optimizer.
"""

from __future__ import annotations

import numpy as np

from manual.activations import Number
from manual.optimizers.rule import Moves, Rule, Slots


def moments(g: Number, m: Number, v: Number, beta_1: Number, beta_2: Number, **_: Number) -> Slots:
    """m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g² (algorithm 1)."""
    return {"m": beta_1 * m + (1 - beta_1) * g, "v": beta_2 * v + (1 - beta_2) * g**2}


def corrected(
    m: Number, v: Number, t: Number, rate: Number, beta_1: Number, beta_2: Number, epsilon: Number, **_: Number
) -> Moves:
    """m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ), θ ← θ − η m̂ / (√v̂ + ε) (algorithm 1)."""
    m_hat = m / (1 - beta_1**t)
    v_hat = v / (1 - beta_2**t)
    return (rate * m_hat / (np.sqrt(v_hat) + epsilon),)


def corrected_quotient_first(
    m: Number, v: Number, t: Number, rate: Number, beta_1: Number, beta_2: Number, epsilon: Number, **_: Number
) -> Moves:
    """η (m̂ / (√v̂ + ε)), as Optax does (scale_by_adam in optax/_src/transform.py)."""
    m_hat = m / (1 - beta_1**t)
    v_hat = v / (1 - beta_2**t)
    return (rate * (m_hat / (np.sqrt(v_hat) + epsilon)),)


def corrected_roots(
    m: Number, v: Number, t: Number, rate: Number, beta_1: Number, beta_2: Number, epsilon: Number, **_: Number
) -> Moves:
    """η / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε), as PyTorch does (_single_tensor_adam in torch/optim/adam.py)."""
    denominator = np.sqrt(v) / np.sqrt(1 - beta_2**t) + epsilon
    return (rate / (1 - beta_1**t) * m / denominator,)


def corrected_roots_quotient_first(
    m: Number, v: Number, t: Number, rate: Number, beta_1: Number, beta_2: Number, epsilon: Number, **_: Number
) -> Moves:
    """The same with m divided first, as PyTorch's addcdiv may."""
    denominator = np.sqrt(v) / np.sqrt(1 - beta_2**t) + epsilon
    return (rate / (1 - beta_1**t) * (m / denominator),)


def uncorrected(
    m: Number, v: Number, t: Number, rate: Number, beta_1: Number, beta_2: Number, epsilon: Number, **_: Number
) -> Moves:
    """α = η √(1 − β₂ᵗ) / (1 − β₁ᵗ), θ ← θ − α m / (√v + ε) (section 2, where ε is called ε̂).

    So Keras (keras/src/optimizers/adam.py) and scikit-learn (neural_network/_stochastic_optimizers.py).
    """
    alpha = rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    return (alpha * m / (np.sqrt(v) + epsilon),)


def kept_moments(beta_1: Number, beta_2: Number, **_: Number) -> Slots:
    """β₁ and β₂ of the averages stay."""
    return {"m": beta_1, "v": beta_2}


MOVES = {
    "corrected": (corrected, corrected_quotient_first, corrected_roots, corrected_roots_quotient_first),
    "uncorrected": (uncorrected,),
}
ADAM = {
    place: Rule(
        start={"m": 0.0, "v": 0.0}, absorb=moments, kept=kept_moments, averages=frozenset({"m", "v"}), moves=moves
    )
    for place, moves in MOVES.items()
}
