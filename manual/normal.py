"""The normal distribution Φ and its density φ, for gelu."""

from __future__ import annotations

import numpy as np

from manual.number import Number, own


def cumulative(z: Number) -> Number:
    """Φ(z) = ½ (1 + erf(z/√2)) = ½ erfc(−z/√2), the latter without cancellation far below 0."""
    from scipy.special import erfc  # imported when used: it takes longer than all of NumPy

    return 0.5 * erfc(-z / np.sqrt(own(2, z)))


def density(z: Number) -> Number:
    """φ(z) = e^(−t²) / √(2π), t = z/√2."""
    t, pi = z / np.sqrt(own(2, z)), 4 * np.arctan(own(1, z))
    return np.exp(-(t * t)) / np.sqrt(2 * pi)
