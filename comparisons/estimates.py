"""Mistakes with a constant of their own, which is measured: a term added to what is right, a gradient that is cut off.

The constant must be one and the same in every state that measures it, and give what was found within its bound.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from comparisons.arithmetic.bounds import Bounded
from problems.problem import Array

LEAST_STATES = 3  # fewer states than this explain nothing: a coincidence could pass
SHARP = 0.01  # a measured ratio counts where its own error is below this share of it
NORM_ROUNDINGS = 8
TORCH_EPSILON = 1e-6  # torch.nn.utils.clip_grad_norm_ divides by the norm plus this


class Estimate(NamedTuple):
    """A mistake's name, and the words that complete "matches the formula ..."."""

    mistake: str
    text: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """One element in every state: what was found (the loss, the gradient, or the parameter after the update).

    wrong: where that is outside the bound; before: every parameter; own: this element before the update (None for the
    loss); right: the right loss or gradient; slopes: all gradients, tensor: which of them this element is of;
    rate: the learning rate where the update is in question, else None.
    """

    found: Array
    wrong: Array
    before: Mapping[str, Bounded]
    own: Bounded | None
    right: Bounded
    slopes: Mapping[str, Bounded]
    tensor: str
    rate: Bounded | None

    @property
    def slope(self) -> Bounded:
        """The gradient as it was found, or as the update implies it."""
        found = Bounded.rounded(self.found, self.right.precision)
        if self.rate is None:
            return found
        return bounded((self.own - found) / self.rate)

    def gives(self, slope: object) -> bool:
        """Whether this loss or gradient is what was found, in every state."""
        predicted = slope if self.rate is None else self.own - self.rate * slope
        return bool(within(bounded(predicted), self.found).all())


def estimated(measured: Measured) -> Estimate | None:
    """The first mistake with a measured constant that explains the element, if one does."""
    if measured.wrong.sum() < LEAST_STATES:
        return None
    if measured.own is None:
        return next(_penalties(measured), None)
    attempts = (_nothing, _decays, _outside_rate, _cut_off, _shortened)
    return next((one for attempt in attempts for one in attempt(measured)), None)


def _penalties(measured: Measured) -> Iterator[Estimate]:
    """A loss with the squares of the parameters added."""
    weights = [values for name, values in measured.before.items() if name.startswith("W")]
    for what, tensors in (("W²", weights), ("θ² (weights and biases)", list(measured.before.values()))):
        squares = sum((values * values).sum((-2, -1)) for values in tensors)
        share = _share(measured, bounded(squares))
        if share is not None:
            yield Estimate("wrong-loss", f"with {share.value.item():.6g} · Σ {what} added: an L2 term")


def _nothing(measured: Measured) -> Iterator[Estimate]:
    """A gradient of 0 in every state."""
    if measured.rate is None and not measured.found.any():
        yield Estimate("missing-term", "as 0 in every state: nothing comes back to this parameter")


def _decays(measured: Measured) -> Iterator[Estimate]:
    """A gradient with a multiple of the parameter, or of its sign, added."""
    assert measured.own is not None
    share = _share(measured, measured.own)
    if share is not None:
        text = f"with {share.value.item():.6g} times the parameter itself added to the gradient: weight decay (L2)"
        yield Estimate("wrong-loss", text)
    signs = Bounded.exact(np.sign(measured.own.value), measured.own.precision)
    share = _share(measured, signs)
    if share is not None:
        text = f"with {share.value.item():.6g} times the parameter's sign added to the gradient: an L1 term"
        yield Estimate("wrong-loss", text)


def _share(measured: Measured, added: Bounded) -> Bounded | None:
    """The constant c with which right + c · added is what was found in every state."""
    share = common(bounded((measured.slope - measured.right) / added))
    return share if share is not None and measured.gives(measured.right + share * added) else None


def _outside_rate(measured: Measured) -> Iterator[Estimate]:
    """An update that takes away a share of the parameter, whatever the learning rate is."""
    if measured.rate is None or measured.own is None:
        return
    right = measured.own - measured.rate * measured.right
    share = common(bounded((right - Bounded.rounded(measured.found, measured.right.precision)) / measured.own))
    if share is not None and within(bounded(right - share * measured.own), measured.found).all():
        text = f"with {share.value.item():.6g} of the parameter taken away in every step, whatever the learning rate"
        yield Estimate("wrong-loss", f"{text}: weight decay")


def _cut_off(measured: Measured) -> Iterator[Estimate]:
    """Every element of the gradient held between −c and c."""
    sign = np.sign(measured.right.value)
    size = bounded(measured.slope * sign)
    limit = common(size[measured.wrong])
    if limit is None or not limit.value > 0:
        return
    within_limit = np.abs(measured.right.value) <= limit.value
    if (within_limit == ~measured.wrong).all() and measured.gives(_where(within_limit, measured.right, limit * sign)):
        yield Estimate("factor", f"cut off at ±{limit.value.item():.6g} (the gradient is clipped by value)")


def _shortened(measured: Measured) -> Iterator[Estimate]:
    """All gradients, or those of one tensor, scaled down where their norm is above c."""
    ratio = bounded(measured.slope / measured.right)
    together = {"of all gradients": measured.slopes, f"of {measured.tensor}'s gradient": _only(measured)}
    for what, slopes in together.items():
        norm = _norm(slopes)
        for divisor in (norm, bounded(norm + TORCH_EPSILON)):
            limit = common(bounded(ratio * divisor)[measured.wrong])
            if limit is None:
                continue
            short = norm.value <= limit.value
            scaled = measured.right * limit / divisor
            if (short == ~measured.wrong).all() and measured.gives(_where(short, measured.right, scaled)):
                text = f"scaled down to the norm {limit.value.item():.6g} where the norm {what} is larger"
                yield Estimate("factor", f"{text} (clipped by norm)")


def _only(measured: Measured) -> Mapping[str, Bounded]:
    return {measured.tensor: measured.slopes[measured.tensor]}


def _norm(slopes: Mapping[str, Bounded]) -> Bounded:
    """√Σ g², (states,)."""
    squares = bounded(sum((slope * slope).sum((-2, -1)) for slope in slopes.values()))
    root = np.sqrt(squares.value)
    with np.errstate(divide="ignore", invalid="ignore"):  # |√s − √t| ≤ |s − t| / √s; and norms of norms round once more
        error = squares.error / root + NORM_ROUNDINGS * squares.precision.unit * root
    return Bounded(root, np.where(root > 0, error, np.inf), squares.precision)


def _where(condition: Array, one: Bounded, other: object) -> Bounded:
    second = bounded(other)
    value, error = (np.where(condition, *pair) for pair in ((one.value, second.value), (one.error, second.error)))
    return Bounded(value, error, one.precision)


def bounded(number: object) -> Bounded:
    """The number as what it is."""
    assert isinstance(number, Bounded)
    return number


def within(predicted: Bounded, found: Array) -> Array:
    """Where `found` is what the formula gives; an infinite bound rules out only NaN and infinity."""
    with np.errstate(invalid="ignore"):
        near = np.abs(found - predicted.value) <= predicted.error
    return (near | np.isinf(predicted.error)) & np.isfinite(found)


def common(ratio: Bounded) -> Bounded | None:
    """The one factor that lies within every state's bounds, as sharply as they tell it, or None.

    Only states that measure it sharply count, and there must be LEAST_STATES of them.
    """
    sharp = ratio.error < SHARP * np.abs(ratio.value)
    if sharp.sum() < LEAST_STATES:
        return None
    value, error = ratio.value[sharp], ratio.error[sharp]  # what is not finite measures nothing
    low, high = (value - error).max(), (value + error).min()
    return Bounded(np.array((low + high) / 2), np.array((high - low) / 2), ratio.precision) if low <= high else None
