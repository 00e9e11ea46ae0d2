"""Wrong updates on purpose: an optimizer's formula with a number exchanged, or with other things remembered.

Generated from what the formula consists of: its rate, its sign, its settings, its corrections, its slots before or
after this step's gradient, its decay and its clipping. They run over any number system, as the right ones do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from manual.optimizers import rules
from manual.optimizers.clipping import norm
from problems.optimizer import FORMS, Optimizer
from problems.schedule import Schedule

Number = Any
Given = Mapping[str, Any]
Slots = Mapping[str, Number]

Held = Callable[[Slots, Slots, Number, Given], Slots]  # of the slots after and before, g and the numbers

Clipping = Callable[[Mapping[str, Number], Given], Mapping[str, Number]]

Decayed = Literal["", "gradient", "clipped gradient", "moved parameter"]

# What libraries have by default, which is where another's number comes from.
WELL_KNOWN = {
    "momentum": (0.9, 0.99),
    "rho": (0.9, 0.99),
    "beta_1": (0.9,),
    "beta_2": (0.999, 0.99),
    "epsilon": (1e-8, 1e-7, 1e-10),
    "weight_decay": (0.01, 0.004, 1e-4),
}
TORCH_EPSILON = 1e-6  # torch.nn.utils.clip_grad_norm_ divides by the norm plus this
CLIPS = ("clip_value", "clip_norm", "clip_norm_each", "clip_epsilon")


def same_given(given: Given) -> Given:
    """Every number as it should be."""
    return given


def slots_after(after: Slots, before: Slots, g: Number, given: Given) -> Slots:
    """What the formula moves by: the slots that this step's gradient has gone into."""
    return after


@dataclass(frozen=True, kw_only=True, eq=False)
class WrongUpdate:
    """An update that differs from the right one of `optimizer` in one thing; text completes "matches the formula ...".

    optimizer: whose rule is followed; everywhere, moving: the numbers that the whole formula, or its move alone, is
    given; slots: what the move takes the slots for; decayed: what the decay goes into instead, the gradient before or
    after that is clipped, or the parameter after it has moved; late: by how many steps the learning rate is; clipping:
    what becomes of the gradients instead.
    """

    mistake: str
    text: str
    optimizer: Optimizer
    everywhere: Callable[[Given], Given] = same_given
    moving: Callable[[Given], Given] = same_given
    slots: Held = slots_after
    decayed: Decayed = ""
    late: int = 0
    clipping: Clipping | None = None

    @property
    def quantity(self) -> str:
        """What is wrong: the update, of every parameter."""
        return "update"

    @property
    def mistakes(self) -> tuple[str, ...]:
        """The name of its mistake, as mutants have it."""
        return (self.mistake,)


def wrong_updates(optimizer: Optimizer) -> Iterator[WrongUpdate]:
    """Every wrong update of `optimizer`, the more usual mistakes first."""
    for kind in (_of_rate, _of_correction, _of_memory, _of_settings, _of_form, _of_decay, _of_clipping):
        yield from kind(optimizer)


def with_numbers(**exchanged: Callable[[Given], Number]) -> Callable[[Given], Given]:
    """The numbers with those named made anew from all of them."""
    return lambda given: {**given, **{name: made(given) for name, made in exchanged.items() if name in given}}


def without(*names: str) -> Callable[[Given], Given]:
    """The numbers without those named."""
    return lambda given: {name: value for name, value in given.items() if name not in names}


def _renamed(name: str, other: str) -> Callable[[Given], Given]:
    return lambda given: {**without(name)(given), other: given[name]}


def _stale(name: str) -> Held:
    return lambda after, before, g, given: {**after, name: before[name]}


def _summed(name: str, beta: str) -> Held:
    return lambda after, before, g, given: {**after, name: after[name] / (1 - given[beta])}


def _squared(name: str) -> Held:
    return lambda after, before, g, given: {**after, name: after[name] * after[name]}


def _of_rate(optimizer: Optimizer) -> Iterator[WrongUpdate]:
    """The sign and the learning rate."""

    def wrong(mistake: str, text: str, **exchanged: Callable[[Given], Number]) -> WrongUpdate:
        return WrongUpdate(mistake=mistake, text=text, optimizer=optimizer, everywhere=with_numbers(**exchanged))

    # The decay is multiplied by the rate: what becomes of the rate is undone there.
    yield wrong(
        "sign",
        "with the opposite sign: the step goes uphill",
        rate=lambda p: -p["rate"],
        weight_decay=lambda p: -p["weight_decay"],
    )
    yield wrong("not-updated", "with nothing subtracted: the parameter stays as it was", rate=lambda p: p["rate"] * 0)
    yield wrong(
        "learning-rate",
        "with the learning rate applied twice",
        rate=lambda p: p["rate"] * p["rate"],
        weight_decay=lambda p: p["weight_decay"] / p["rate"],
    )
    yield wrong(
        "learning-rate",
        "without the learning rate",
        rate=lambda p: p["rate"] * 0 + 1,
        weight_decay=lambda p: p["weight_decay"] * p["rate"],
    )
    if optimizer.schedule.name != "constant":
        yield WrongUpdate(
            mistake="learning-rate",
            text=f"with the learning rate {optimizer.learning_rate:g} of the start, whatever the schedule says",
            optimizer=optimizer,
            everywhere=with_numbers(rate=lambda p: p["rate"] * 0 + optimizer.learning_rate),
        )
        for late, text in ((1, "the step before: one step late"), (-1, "the next step: one step early")):
            yield WrongUpdate(
                mistake="learning-rate", text=f"with the learning rate of {text}", optimizer=optimizer, late=late
            )
        for schedule, text in _other_schedules(optimizer.schedule):
            yield WrongUpdate(
                mistake="learning-rate",
                text=f"with the learning rate {text}",
                optimizer=replace(optimizer, schedule=schedule),
            )


def _other_schedules(schedule: Schedule) -> Iterator[tuple[Schedule, str]]:
    """Schedules that this one is taken for."""
    if schedule.name == "step" and schedule.every > 1:
        yield replace(schedule, name="exponential"), f"falling in every step, where it stays for {schedule.every}"
    if schedule.name == "exponential" and schedule.every > 1:
        yield replace(schedule, name="step"), f"staying for {schedule.every} steps, where it falls in every one"
    if schedule.name == "cosine" and schedule.floor:
        yield replace(schedule, floor=0.0), f"falling to 0, where {schedule.floor:g} of it is to be left"


def _of_correction(optimizer: Optimizer) -> Iterator[WrongUpdate]:
    """The corrections for having started at 0, and the step they are taken at."""
    if optimizer.name not in ("adam", "adamw", "adamax", "nadam"):
        return

    def wrong(mistake: str, text: str, **exchanged: Callable[[Given], Number]) -> WrongUpdate:
        return WrongUpdate(mistake=mistake, text=text, optimizer=optimizer, moving=with_numbers(**exchanged))

    yield wrong("factor", "with the bias corrections of the next step, t + 1 for t", t=lambda p: p["t"] + 1)
    yield wrong(
        "factor",
        "with the bias corrections of the step before, t - 1 for t from the second step on",
        t=lambda p: np.maximum(p["t"] - 1, 1),
    )
    yield wrong(
        "factor", "with the bias corrections of the first step in every step, 1 for t", t=lambda p: p["t"] * 0 + 1
    )
    if optimizer.name in ("adam", "adamw"):
        yield wrong(
            "missing-term",
            "without any bias correction",
            beta_1=lambda p: p["beta_1"] * 0,
            beta_2=lambda p: p["beta_2"] * 0,
        )
    if optimizer.name != "nadam":
        yield wrong("missing-term", "without the bias correction of m", beta_1=lambda p: p["beta_1"] * 0)
    if optimizer.name != "adamax":
        yield wrong("missing-term", "without the bias correction of v", beta_2=lambda p: p["beta_2"] * 0)


def _of_memory(optimizer: Optimizer) -> Iterator[WrongUpdate]:
    """What is remembered: stale, not averaged, not rooted, or nothing at all."""
    rule, *_ = rules(optimizer)
    for name in sorted(rule.start.keys() - {"product"} - rule.largest):  # a largest of none would be divided by
        yield WrongUpdate(
            mistake="not-updated",
            text=f"with {name} of the step before: it is to be updated before it is used",
            optimizer=optimizer,
            slots=_stale(name),
        )
    if rule.averages:
        beta = {"m": "beta_1", "v": "beta_2", "s": "rho"}
        for name in sorted(rule.averages):
            yield WrongUpdate(
                mistake="factor",
                text=f"with {name} summed up, the new part not multiplied by 1 - {beta[name]}",
                optimizer=optimizer,
                slots=_summed(name, beta[name]),
            )
    if optimizer.name in ("momentum", "nesterov") and optimizer.settings["momentum"]:
        yield WrongUpdate(
            mistake="factor",
            text="with the gradient multiplied by 1 - momentum before it goes into v",
            optimizer=optimizer,
            slots=lambda after, before, g, given: {"v": after["v"] * (1 - given["momentum"])},
        )
    for name in sorted(rule.start.keys() & {"v", "s"} if optimizer.name not in ("momentum", "nesterov") else ()):
        yield WrongUpdate(
            mistake="missing-term",
            text=f"without the root of {name}",
            optimizer=optimizer,
            slots=_squared(name),
        )


def _of_settings(optimizer: Optimizer) -> Iterator[WrongUpdate]:
    """The formula's own numbers."""

    def wrong(mistake: str, text: str, **exchanged: Callable[[Given], Number]) -> WrongUpdate:
        return WrongUpdate(mistake=mistake, text=text, optimizer=optimizer, everywhere=with_numbers(**exchanged))

    settings = optimizer.settings
    if settings.get("momentum"):
        yield wrong("sign", "with the opposite sign of the momentum", momentum=lambda p: -p["momentum"])
        yield wrong("missing-term", "without the momentum", momentum=lambda p: p["momentum"] * 0)
    if settings.get("beta_1"):
        yield wrong("missing-term", "with the gradient itself for its average m", beta_1=lambda p: p["beta_1"] * 0)
    if "beta_1" in settings and settings["beta_1"] != settings["beta_2"]:
        yield wrong(
            "wrong-index",
            "with beta_1 and beta_2 exchanged",
            beta_1=lambda p: p["beta_2"],
            beta_2=lambda p: p["beta_1"],
        )
    if settings.get("epsilon"):
        yield wrong("missing-term", "without epsilon", epsilon=lambda p: p["epsilon"] * 0)
    for name, values in WELL_KNOWN.items():
        for value in values:
            if settings.get(name, value) != value and settings[name]:
                yield WrongUpdate(
                    mistake="factor",
                    text=f"with {name} {value:g} where {settings[name]:g} belongs",
                    optimizer=replace(optimizer, settings={**settings, name: value}),
                )


def _of_form(optimizer: Optimizer) -> Iterator[WrongUpdate]:
    """Another formula that goes by the same name, or by a similar one."""
    if optimizer.name in ("adam", "adamw") and optimizer.settings["epsilon"]:
        yield WrongUpdate(
            mistake="factor",
            text="with epsilon inside the root, √(v + ε), where it stands beside it",
            optimizer=optimizer,
            moving=with_numbers(epsilon=lambda p: p["epsilon"] * 0),
            slots=_epsilon_inside(optimizer),
        )
    for setting, forms in FORMS.get(optimizer.name, {}).items():
        for form in forms:
            other = replace(optimizer, settings={**optimizer.settings, setting: form})
            if form != optimizer.settings[setting] and rules(other)[0] not in rules(optimizer):
                mistake, what = _FORM_WORDS[setting]
                text = f"with {what}: {setting} {form!r} where {optimizer.settings[setting]!r} belongs"
                yield WrongUpdate(mistake=mistake, text=text, optimizer=other)
    similar = {"nesterov": "momentum", "momentum": "nesterov", "nadam": "adam"}.get(optimizer.name)
    if similar:
        shared = {key: value for key, value in optimizer.settings.items() if not key.startswith("momentum_")}
        lacks = "without looking ahead" if similar != "nesterov" else "looking ahead where it is not asked for"
        yield WrongUpdate(
            mistake="missing-term" if similar != "nesterov" else "factor",
            text=f"of {similar}, {lacks}",
            optimizer=replace(optimizer, name=similar, settings=shared),
        )


def _epsilon_inside(optimizer: Optimizer) -> Held:
    """v with what makes of its root, which is corrected or not, the root of that and of epsilon."""
    corrected = optimizer.settings["epsilon_place"] == "corrected"

    def slots(after: Slots, before: Slots, g: Number, given: Given) -> Slots:
        epsilon = given["epsilon"] * (1 - given["beta_2"] ** given["t"]) if corrected else given["epsilon"]
        return {**after, "v": after["v"] + epsilon}

    return slots


_FORM_WORDS = {
    "epsilon_place": ("factor", "epsilon in another place"),
    "velocity": ("learning-rate", "the learning rate in another place"),
    "momentum_schedule": ("factor", "another schedule of the momentum"),
}


def _of_decay(optimizer: Optimizer) -> Iterator[WrongUpdate]:
    """Weight decay, which multiplies the parameter and is no part of the gradient."""
    if not optimizer.settings.get("weight_decay"):
        return
    clips = any(name in optimizer.settings for name in CLIPS)
    orders: tuple[tuple[Decayed, str], ...] = (("gradient", ""),)
    if clips:
        orders = (("clipped gradient", " after it is clipped"), ("gradient", " before it is clipped"))
    for decays, when in orders if clips or optimizer.name != "sgd" else ():  # there both are the same
        yield WrongUpdate(
            mistake="wrong-base",
            text=f"with the weight decay added to the gradient{when}, where the parameter itself is to be multiplied",
            optimizer=optimizer,
            decayed=decays,
        )
    yield WrongUpdate(
        mistake="wrong-base",
        text="with the weight decay taken of the parameter after the step, where it is to be taken before",
        optimizer=optimizer,
        decayed="moved parameter",
    )
    yield WrongUpdate(
        mistake="missing-term", text="without weight decay", optimizer=optimizer, everywhere=without("weight_decay")
    )
    yield WrongUpdate(
        mistake="learning-rate",
        text="with the weight decay not multiplied by the learning rate",
        optimizer=optimizer,
        everywhere=with_numbers(weight_decay=lambda p: p["weight_decay"] / p["rate"]),
    )
    if optimizer.schedule.name != "constant":
        yield WrongUpdate(
            mistake="learning-rate",
            text="with the weight decay multiplied by the learning rate of the start, whatever the schedule says",
            optimizer=optimizer,
            everywhere=with_numbers(
                weight_decay=lambda p: p["weight_decay"] * (p["rate"] * 0 + optimizer.learning_rate) / p["rate"]
            ),
        )


def _of_clipping(optimizer: Optimizer) -> Iterator[WrongUpdate]:
    """Clipping, or none, or by another norm."""
    if not any(name in optimizer.settings for name in CLIPS):
        return
    yield WrongUpdate(
        mistake="missing-term", text="without clipping the gradient", optimizer=optimizer, everywhere=without(*CLIPS)
    )
    for name, other, text in (
        ("clip_norm", "clip_norm_each", "with each gradient clipped by its own norm where all have one"),
        ("clip_norm_each", "clip_norm", "with all gradients clipped by one norm where each has its own"),
    ):
        if name in optimizer.settings:
            yield WrongUpdate(
                mistake="reduction",
                text=text,
                optimizer=optimizer,
                everywhere=_renamed(name, other),
            )
    if "clip_norm" in optimizer.settings:
        yield from _of_norm(optimizer)


def _of_norm(optimizer: Optimizer) -> Iterator[WrongUpdate]:
    """All gradients clipped by one norm that is another one, or where it is not to be clipped."""

    def wrong(text: str, clipping: Clipping) -> WrongUpdate:
        return WrongUpdate(mistake="factor", text=text, optimizer=optimizer, clipping=clipping)

    yield wrong(
        "with all gradients scaled to the norm where they are smaller too",
        lambda g, p: _scaled(g, norm(g), p, least=False),
    )
    yield wrong(
        "with all gradients clipped by the sum of their squares, whose root the norm is",
        lambda g, p: _scaled(g, norm(g) * norm(g), p),
    )
    yield wrong(
        "with all gradients clipped by the norm of the weights' alone",
        lambda g, p: _scaled(g, norm({name: one for name, one in g.items() if name.startswith("W")}), p),
    )
    yield WrongUpdate(
        mistake="factor",
        text="with every element of the gradient clipped, where all are scaled by their norm",
        optimizer=optimizer,
        everywhere=_renamed("clip_norm", "clip_value"),
    )
    if optimizer.settings.get("clip_epsilon", 0.0) != TORCH_EPSILON:
        yield WrongUpdate(
            mistake="factor",
            text=f"with {TORCH_EPSILON:g} added to the norm of the gradients, as PyTorch does",
            optimizer=replace(optimizer, settings={**optimizer.settings, "clip_epsilon": TORCH_EPSILON}),
        )


def _scaled(gradients: Mapping[str, Number], size: Number, given: Given, *, least: bool = True) -> dict[str, Number]:
    """g · c / max(size, c), or without a least size g · c / size."""
    largest, size = given["clip_norm"], size + given.get("clip_epsilon", 0)
    return {name: g * (largest / (np.maximum(size, largest) if least else size)) for name, g in gradients.items()}
