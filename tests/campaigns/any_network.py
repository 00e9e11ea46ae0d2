"""Random problems over all that can be trained: networks, losses, optimizers, schedules, penalties, rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from random_problems import LIMIT, cut, steps_within

from problems.dtypes import COMPUTED
from problems.network import ACTIVATIONS
from problems.optimizer import FORMS, OPTIMIZERS, Setting
from problems.problem import LOSSES, Array, Network, Optimizer, Problem
from problems.schedule import SCHEDULES, Schedule
from problems.targets import SPARSE

Rng = np.random.Generator

MOST_UNITS, MOST_HIDDEN, MOST_ROWS, STEPS = 64, 4, 32, (5, 20)
# The last layer's activations that suit a loss; any but softmax where none is named.
LAST: dict[str, tuple[str, ...]] = {
    "binary_cross_entropy": ("sigmoid",),
    "binary_cross_entropy_with_logits": ("linear",),
    "categorical_cross_entropy": ("softmax",),
    "categorical_cross_entropy_with_logits": ("linear",),
    "sparse_categorical_cross_entropy": ("softmax",),
    "sparse_categorical_cross_entropy_with_logits": ("linear",),
}
DECAYED_BY_TORCH = ("adam", "nadam")  # beside AdamW: decoupled_weight_decay
ELEMENTWISE = tuple(name for name in ACTIVATIONS if name != "softmax")


@dataclass(frozen=True, kw_only=True)
class Style:
    """What problems are drawn from: everything, or what one library can express.

    forms: optimizers with the forms and settings they are held to; last: activations of the output by loss;
    outputs: fewest and most of them by loss; alike: whether all hidden layers have one activation; hard: whether
    labels are 0 or 1.
    """

    share: float
    losses: tuple[str, ...] = LOSSES
    activations: tuple[str, ...] = ELEMENTWISE
    last: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    outputs: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    alike: bool = False
    hard: bool = False
    forms: Mapping[str, Mapping[str, Setting]] = field(default_factory=lambda: {name: {} for name in OPTIMIZERS})
    clip_epsilon: float | None = None
    extras: bool = True


CONSTANT = ("momentum", "nesterov")
STYLES = {
    "any": Style(share=0.2),
    "torch": Style(
        share=0.44,
        forms={
            **{name: {"velocity": "gradient"} for name in CONSTANT},
            **{name: {"epsilon_place": "outside"} for name in ("adagrad", "rmsprop")},
            **{name: {"epsilon_place": "corrected"} for name in ("adam", "adamw")},
            "adamax": {"epsilon_place": "norm"},
            "nadam": {"momentum_schedule": "dozat"},
            "sgd": {},
        },
        clip_epsilon=1e-6,
    ),
    "keras": Style(
        share=0.2,
        forms={
            **{name: {"velocity": "step"} for name in CONSTANT},
            **{name: {"epsilon_place": "inside"} for name in ("adagrad", "rmsprop")},
            **{name: {"epsilon_place": "uncorrected"} for name in ("adam", "adamw")},
            "adamax": {"epsilon_place": "denominator"},
            "nadam": {"momentum_schedule": "dozat", "momentum_decay": 1.0},
            "sgd": {},
        },
        clip_epsilon=0.0,
    ),
    "sklearn": Style(
        share=0.12,
        losses=(
            "half_squared_error",
            "binary_cross_entropy",
            "categorical_cross_entropy",
            "sparse_categorical_cross_entropy",
        ),
        activations=("linear", "sigmoid", "tanh", "relu"),
        last={"half_squared_error": ("linear",)},
        outputs={
            "binary_cross_entropy": (1, 1),
            **{f"{kind}categorical_cross_entropy": (3, MOST_UNITS) for kind in ("", "sparse_")},
        },
        alike=True,
        hard=True,
        forms={
            "sgd": {},
            **{name: {"velocity": "step"} for name in CONSTANT},
            "adam": {"epsilon_place": "uncorrected"},
        },
        extras=False,
    ),
    "lesson": Style(share=0.04, losses=("mean_squared_error", "binary_cross_entropy"), forms={"sgd": {}}, extras=False),
}


def any_problems(seed: int) -> Iterator[Problem]:
    """Problem after problem, without end; the first is the same for the same seed, and so is every later one."""
    for number in range(2**31):
        yield any_problem(np.random.default_rng([seed, number]), f"any-{seed}-{number}")


def any_problem(rng: Rng, name: str) -> Problem:
    """One problem, its training cut where its numbers grow beyond what float32 can square."""
    style = str(rng.choice(list(STYLES), p=[one.share for one in STYLES.values()]))
    loss = str(rng.choice(STYLES[style].losses))
    network = any_network(rng, loss, STYLES[style])
    batch = int(rng.integers(1, MOST_ROWS + 1)) if style != "lesson" else 1
    steps = int(rng.integers(STEPS[0], STEPS[1] + 1))
    rows = max(steps * batch - int(rng.integers(0, batch)), 1)  # the last batch is short more often than not
    problem = Problem(
        name=name,
        x=inputs(rng, rows, network.inputs),
        y=targets(rng, loss, rows, network.units[-1], hard=STYLES[style].hard),
        network=network,
        loss=loss,
        l2=float(rng.choice([0.0, 0.0, 10.0 ** rng.uniform(-4, 0)])) if style != "lesson" else 0.0,
        initial={key: start(rng, shape) for key, shape in network.parameter_shapes.items()},
        optimizer=any_optimizer(rng, style),
        epochs=1,
        batch_size=batch,
        order=str(rng.choice(["sequential", "shuffled", "random"])),
        seed=int(rng.integers(1000)),
        dtype=str(rng.choice(COMPUTED)),
        start=f"drawn for {name}",
    )
    kept = steps_within(problem, LIMIT)
    return cut(problem, kept) if kept < problem.steps and problem.order == "sequential" else problem


def any_network(rng: Rng, loss: str, style: Style) -> Network:
    """0 to 4 hidden layers of 1 to 64 nodes, small ones more often; an output that suits the loss."""
    if style is STYLES["lesson"]:
        both = "linear" if loss == "mean_squared_error" else "sigmoid"
        return Network(inputs=2, units=(2, 1), activations=(both, both))
    hidden = int(rng.integers(0, MOST_HIDDEN + 1))
    least, most = style.outputs.get(loss, (2 if "categorical" in loss else 1, MOST_UNITS))
    units = [size(rng) for _ in range(hidden)] + [min(max(size(rng), least), most)]
    last = style.last.get(loss) or LAST.get(loss, ELEMENTWISE if loss != "mean_squared_error" else ACTIVATIONS)
    inner = rng.choice(style.activations, hidden).tolist()
    inner = inner[:1] * hidden if style.alike else inner
    return Network(inputs=size(rng), units=tuple(units), activations=(*inner, str(rng.choice(last))))


def size(rng: Rng) -> int:
    """1 to 64, spread evenly over powers of two."""
    return int(min(2 ** rng.uniform(0, 6.02), MOST_UNITS))


def inputs(rng: Rng, rows: int, width: int) -> Array:
    """Ordinary inputs, with whole columns scaled and some zeros."""
    scale = 10.0 ** rng.uniform(-1, 1, width)
    return rng.normal(size=(rows, width)) * scale * (rng.uniform(size=(rows, width)) < 0.9)


def targets(rng: Rng, loss: str, rows: int, width: int, *, hard: bool) -> Array:
    """Targets in the loss's domain: hard and soft labels, classes, numbers of either sign."""
    if loss in SPARSE:
        return rng.integers(0, width, (rows, 1)).astype(float)
    if loss.startswith("categorical"):
        one_hot = np.eye(width)[rng.integers(0, width, rows)]
        soft = rng.dirichlet(np.ones(width), rows)
        return np.where(rng.uniform(size=(rows, 1)) < (1.0 if hard else 0.8), one_hot, soft)
    if loss.startswith("binary"):
        labels = rng.integers(0, 2, (rows, width)).astype(float)
        return np.where(rng.uniform(size=labels.shape) < (0.0 if hard else 0.1), rng.uniform(size=labels.shape), labels)
    if loss == "hinge":
        return rng.choice([-1.0, 1.0], (rows, width))
    return rng.normal(size=(rows, width)) * 10.0 ** rng.uniform(-1, 1)


def start(rng: Rng, shape: tuple[int, int]) -> Array:
    """Weights and biases of a size that keeps signals alive through some layers."""
    return rng.normal(size=shape) * 10.0 ** rng.uniform(-0.5, 0.2) / np.sqrt(max(shape[0], 1))


def any_optimizer(rng: Rng, style: str) -> Optimizer:
    """Any formula in any of its forms that the style has, with or without decay, clipping and a schedule."""
    drawn = STYLES[style]
    name = str(rng.choice(list(drawn.forms)))
    settings: dict[str, Any] = {key: str(rng.choice(forms)) for key, forms in FORMS.get(name, {}).items()}
    settings |= numbers(rng, name) | dict(drawn.forms[name])
    if drawn.extras:
        settings |= clipping(rng, drawn.clip_epsilon)
        decays = name == "adamw" or (rng.uniform() < 0.2 and (style != "torch" or name in DECAYED_BY_TORCH))
        settings |= {"weight_decay": float(10.0 ** rng.uniform(-4, -1))} if decays else {}
    schedule = any_schedule(rng) if drawn.extras else Schedule()
    return Optimizer(
        name=name, learning_rate=float(10.0 ** rng.uniform(-4, -0.5)), settings=settings, schedule=schedule
    )


def numbers(rng: Rng, name: str) -> dict[str, Setting]:
    """The numbers of the formula, beside their defaults."""
    if name in ("momentum", "nesterov"):
        return {"momentum": float(rng.uniform(0, 0.99))}
    if name == "rmsprop":
        return {"rho": float(rng.uniform(0.5, 0.999)), "epsilon": float(10.0 ** rng.uniform(-9, -3))}
    if name == "adagrad":
        return {"initial_accumulator": float(rng.choice([0.0, 0.1])), "epsilon": float(10.0 ** rng.uniform(-10, -3))}
    if name in ("adam", "adamw", "adamax", "nadam"):
        betas = {"beta_1": float(rng.uniform(0.5, 0.95)), "beta_2": float(rng.uniform(0.9, 0.9999))}
        return {**betas, "epsilon": float(10.0 ** rng.uniform(-9, -3))}
    return {}


def clipping(rng: Rng, epsilon: float | None) -> dict[str, Setting]:
    """One way of clipping, in one of three problems; epsilon: what a library adds to a norm, where it is one's."""
    kind = rng.choice(["clip_value", "clip_norm", "clip_norm_each", *["none"] * 6])
    if kind == "none":
        return {}
    limit: dict[str, Setting] = {str(kind): float(10.0 ** rng.uniform(-2, 0.5))}
    added = rng.choice([0.0, 1e-6]) if epsilon is None else epsilon
    return limit | ({"clip_epsilon": float(added)} if kind != "clip_value" and added else {})


def any_schedule(rng: Rng) -> Schedule:
    """Constant in one of two."""
    name = str(rng.choice([*SCHEDULES, *["constant"] * 3]))
    decay, floor = float(rng.uniform(0.5, 0.99)), float(rng.choice([0.0, 0.1]))
    return Schedule(name=name, every=int(rng.integers(1, 12)), decay=decay, floor=floor)
