"""Wrong updates on purpose: an optimizer's formula with a number exchanged, or with other things remembered.

Generated from what the formula consists of: its rate, its sign, its settings, its corrections, its slots before or
after this step's gradient, its decay and its clipping.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from comparisons.wrong_clipping import CLIPS, of_clipping
from comparisons.wrong_update import Decayed, Given, Held, Number, Slots, WrongUpdate, with_numbers, without
from manual.optimizers import rules
from manual.optimizers.rule import Rule
from manual.optimizers.rule import Slots as Memory
from problems.optimizer import FORMS, Optimizer
from problems.schedule import Schedule

# What libraries have by default, which is where another's number comes from.
WELL_KNOWN = {
    "momentum": (0.9, 0.99),
    "rho": (0.9, 0.99),
    "beta_1": (0.9,),
    "beta_2": (0.999, 0.99),
    "epsilon": (1e-8, 1e-7, 1e-10),
    "weight_decay": (0.01, 0.004, 1e-4),
}

# Of which step, of a step and the steps of an epoch, a schedule's learning rate is taken.
COUNTED: dict[str, Callable[[Number, int], Number]] = {
    "the step before: one step late": lambda t, steps: np.maximum(t - 1, 1),
    "the next step: one step early": lambda t, steps: t + 1,
    "the epoch's number, where the schedule counts steps": lambda t, steps: (t - 1) // steps + 1,
}


def wrong_updates(optimizer: Optimizer) -> Iterator[WrongUpdate]:
    """Every wrong update of `optimizer`, the more usual mistakes first."""
    for kind in KINDS:
        yield from kind(optimizer)


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
        for text, counted in COUNTED.items():
            yield WrongUpdate(
                mistake="learning-rate", text=f"with the learning rate of {text}", optimizer=optimizer, counted=counted
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
    """What is remembered: nothing from epoch to epoch, or only what the next step is given."""
    rule, *_ = rules(optimizer)
    if rule.start:
        yield WrongUpdate(
            mistake="missing-term",
            text="with nothing remembered from one epoch to the next, as of an optimizer made anew for each",
            optimizer=optimizer,
            anew=True,
        )
    for name in sorted(rule.start.keys() - {"product"} - rule.largest):  # a largest of none would be divided by
        yield WrongUpdate(
            mistake="not-updated",
            text=f"with {name} of the step before: it is to be updated before it is used",
            optimizer=optimizer,
            slots=_stale(name),
        )


def _of_weights(optimizer: Optimizer) -> Iterator[WrongUpdate]:
    """What a gradient is multiplied by before it is remembered."""
    rule, *_ = rules(optimizer)
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
        yield WrongUpdate(
            mistake="factor",
            text="with the gradient multiplied by 1 - momentum before it goes into v, from the second step on, as "
            "torch.optim.SGD has it with a dampening of the momentum",
            optimizer=optimizer,
            rule=_dampened,
        )


def _of_squares(optimizer: Optimizer) -> Iterator[WrongUpdate]:
    """Squares that are remembered, and the root of them that is divided by."""
    rule, *_ = rules(optimizer)
    for name in sorted(rule.start.keys() & {"v", "s"} if optimizer.name not in ("momentum", "nesterov") else ()):
        yield WrongUpdate(
            mistake="missing-term",
            text=f"without the root of {name}",
            optimizer=optimizer,
            slots=_squared(name),
        )
        yield WrongUpdate(
            mistake="wrong-index",
            text=f"with the size of the gradient in {name}, where its square belongs",
            optimizer=optimizer,
            rule=_of_sizes(name),
        )


def _dampened(rule: Rule) -> Rule:
    def absorb(g: Number, t: Number, momentum: Number, **others: Number) -> Memory:
        dampening = np.where(t > 1, momentum, 0 * momentum)
        return rule.absorb(g=g * (1 - dampening), t=t, momentum=momentum, **others)

    return replace(rule, absorb=absorb)


def _of_sizes(name: str) -> Callable[[Rule], Rule]:
    def changed(rule: Rule) -> Rule:
        def absorb(g: Number, **others: Number) -> Memory:
            return {**rule.absorb(g=g, **others), name: rule.absorb(g=np.sqrt(np.abs(g)), **others)[name]}

        return replace(rule, absorb=absorb)

    return changed


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
    if optimizer.name in ("adam", "adamw"):
        yield WrongUpdate(
            mistake="wrong-index",
            text="of AMSGrad, with the largest v so far (Reddi, Kale & Kumar, 2018)",
            optimizer=optimizer,
            greatest="v",
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


KINDS = (
    _of_rate,
    _of_correction,
    _of_memory,
    _of_weights,
    _of_squares,
    _of_settings,
    _of_form,
    _of_decay,
    of_clipping,
)
