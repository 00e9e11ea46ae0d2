"""Mistakes with a constant of their own, which is measured: a term added to what is right, a gradient that is cut off.

The constant must be one and the same in every state that measures it, and give what was found within its bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from comparisons.arithmetic.bounds import Bounded
from problems.problem import Array

LEAST_STATES = 3  # fewer states than this explain nothing: a coincidence could pass
SHARP = 0.01  # a measured ratio counts where its own error is below this share of it
NORM_ROUNDINGS = 8
TORCH_EPSILON = 1e-6  # torch.nn.utils.clip_grad_norm_ divides by the norm plus this


SHOWN_DIGITS = 6


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


@dataclass(frozen=True, kw_only=True, eq=False)
class Estimate:
    """A mistake's name, and the words that complete "matches the formula ...".

    gives: whether the same constant gives another element, or this one in other states, where too few are wrong to
    measure it.
    """

    mistake: str
    text: str
    gives: Callable[[Measured], bool]


def shortest(constant: Bounded) -> str:
    """The fewest digits, six at most, that lie within what was measured: 0.01 and not 0.00999998."""
    value, error = constant.value.item(), constant.error.item()
    texts = (f"{value:.{digits}g}" for digits in range(1, SHOWN_DIGITS))
    short = next((text for text in texts if abs(float(text) - value) <= error), str(value))
    return f"{float(short):.{SHOWN_DIGITS}g}"


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
            text = f"with {shortest(share)} · Σ {what} added: an L2 term"
            yield Estimate(mistake="wrong-loss", text=text, gives=lambda other: False)


def _nothing(measured: Measured) -> Iterator[Estimate]:
    """A gradient of 0 in every state."""
    if measured.rate is None and not measured.found.any():
        text = "as 0 in every state: nothing comes back to this parameter"
        yield Estimate(mistake="missing-term", text=text, gives=lambda other: not other.found.any())


def _decays(measured: Measured) -> Iterator[Estimate]:
    """A gradient with a multiple of the parameter, or of its sign, added."""
    for added, what, kind in (
        (_itself, "the parameter itself", "weight decay (L2)"),
        (_sign, "the parameter's sign", "an L1 term"),
    ):
        share = _share(measured, added(measured))
        if share is not None:
            yield Estimate(
                mistake="wrong-loss",
                text=f"with {shortest(share)} times {what} added to the gradient: {kind}",
                gives=partial(_has, share=share, added=added),
            )


def _has(measured: Measured, share: Bounded, added: Callable[[Measured], Bounded]) -> bool:
    """Whether `share` of what is added is in the gradient beside the right one."""
    return measured.gives(measured.right + share * added(measured))


def _itself(measured: Measured) -> Bounded:
    assert measured.own is not None
    return measured.own


def _sign(measured: Measured) -> Bounded:
    own = _itself(measured)
    return Bounded.exact(np.sign(own.value), own.precision)


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
    if share is not None and _lost(measured, share):
        yield Estimate(
            mistake="wrong-loss",
            text=f"with {shortest(share)} of the parameter taken away in every step, whatever the learning rate"
            ": weight decay",
            gives=partial(_lost, share=share),
        )


def _lost(measured: Measured, share: Bounded) -> bool:
    """Whether the parameter has lost `share` of itself beside the right update."""
    if measured.rate is None or measured.own is None:
        return False
    right = measured.own - measured.rate * measured.right
    return bool(within(bounded(right - share * measured.own), measured.found).all())


def _cut_off(measured: Measured) -> Iterator[Estimate]:
    """Every element of the gradient held between −c and c."""
    size = bounded(measured.slope * np.sign(measured.right.value))
    limit = common(size[measured.wrong])
    if limit is not None and limit.value > 0 and _held_between(measured, limit):
        yield Estimate(
            mistake="factor",
            text=f"cut off at ±{shortest(limit)} (the gradient is clipped by value)",
            gives=partial(_held_between, limit=limit),
        )


def _held_between(measured: Measured, limit: Bounded) -> bool:
    """Whether the gradient is the right one held between −limit and limit, and wrong just where that changes it."""
    within_limit = np.abs(measured.right.value) <= limit.value
    cut = limit * np.sign(measured.right.value)
    right_where = bool((within_limit == ~measured.wrong).all())
    return right_where and measured.gives(_where(within_limit, measured.right, cut))


def _shortened(measured: Measured) -> Iterator[Estimate]:
    """All gradients, or those of one tensor, scaled down where their norm is above c."""
    ratio = bounded(measured.slope / measured.right)
    for together in (True, False):
        for epsilon in (0.0, TORCH_EPSILON):
            divisor = _divisor(measured, together, epsilon)
            limit = common(bounded(ratio * divisor)[measured.wrong])
            if limit is None or not _scaled_down(measured, limit, together, epsilon):
                continue
            what = "of all gradients" if together else f"of {measured.tensor}'s gradient"
            yield Estimate(
                mistake="factor",
                text=f"scaled down to the norm {shortest(limit)} where the norm {what} is larger (clipped by norm)",
                gives=partial(_scaled_down, limit=limit, together=together, epsilon=epsilon),
            )


def _scaled_down(measured: Measured, limit: Bounded, together: bool, epsilon: float) -> bool:
    """Whether the gradient is the right one scaled down to `limit` where its norm is larger, and wrong there alone."""
    short = _divisor(measured, together, 0.0).value <= limit.value
    scaled = measured.right * limit / _divisor(measured, together, epsilon)
    return bool((short == ~measured.wrong).all()) and measured.gives(_where(short, measured.right, scaled))


def _divisor(measured: Measured, together: bool, epsilon: float) -> Bounded:
    """The norm of all gradients, or of this tensor's alone, with `epsilon` added."""
    norm = _norm(measured.slopes if together else _only(measured))
    return bounded(norm + epsilon) if epsilon else norm


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
