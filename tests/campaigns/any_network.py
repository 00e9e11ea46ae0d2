"""Random problems over all that can be trained: networks, losses, optimizers, schedules, penalties, rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from random_problems import LIMIT, cut, steps_within

from problems.network import ACTIVATIONS
from problems.optimizer import FORMS, OPTIMIZERS, Setting
from problems.problem import DTYPES, LOSSES, Array, Network, Optimizer, Problem
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
ELEMENTWISE = tuple(name for name in ACTIVATIONS if name != "softmax")


def any_problems(seed: int) -> Iterator[Problem]:
    """Problem after problem, without end; the first is the same for the same seed, and so is every later one."""
    for number in range(2**31):
        yield any_problem(np.random.default_rng([seed, number]), f"any-{seed}-{number}")


def any_problem(rng: Rng, name: str) -> Problem:
    """One problem, its training cut where its numbers grow beyond what float32 can square."""
    loss = str(rng.choice(LOSSES))
    network = any_network(rng, loss)
    batch = int(rng.integers(1, MOST_ROWS + 1))
    steps = int(rng.integers(STEPS[0], STEPS[1] + 1))
    rows = max(steps * batch - int(rng.integers(0, batch)), 1)  # the last batch is short more often than not
    problem = Problem(
        name=name,
        x=inputs(rng, rows, network.inputs),
        y=targets(rng, loss, rows, network.units[-1]),
        network=network,
        loss=loss,
        l2=float(rng.choice([0.0, 0.0, 10.0 ** rng.uniform(-4, 0)])),
        initial={key: start(rng, shape) for key, shape in network.parameter_shapes.items()},
        optimizer=any_optimizer(rng),
        epochs=1,
        batch_size=batch,
        order=str(rng.choice(["sequential", "shuffled", "random"])),
        seed=int(rng.integers(1000)),
        dtype=str(rng.choice(DTYPES)),
        start=f"drawn for {name}",
    )
    kept = steps_within(problem, LIMIT)
    return cut(problem, kept) if kept < problem.steps and problem.order == "sequential" else problem


def any_network(rng: Rng, loss: str) -> Network:
    """0 to 4 hidden layers of 1 to 64 nodes, small ones more often; an output that suits the loss."""
    hidden = int(rng.integers(0, MOST_HIDDEN + 1))
    least = 2 if "categorical" in loss else 1
    units = [size(rng) for _ in range(hidden)] + [max(size(rng), least)]
    last = LAST.get(loss, ELEMENTWISE if loss != "mean_squared_error" else ACTIVATIONS)
    activations = [*rng.choice(ELEMENTWISE, hidden).tolist(), str(rng.choice(last))]
    return Network(inputs=size(rng), units=tuple(units), activations=tuple(activations))


def size(rng: Rng) -> int:
    """1 to 64, spread evenly over powers of two."""
    return int(min(2 ** rng.uniform(0, 6.02), MOST_UNITS))


def inputs(rng: Rng, rows: int, width: int) -> Array:
    """Ordinary inputs, with whole columns scaled and some zeros."""
    scale = 10.0 ** rng.uniform(-1, 1, width)
    return rng.normal(size=(rows, width)) * scale * (rng.uniform(size=(rows, width)) < 0.9)


def targets(rng: Rng, loss: str, rows: int, width: int) -> Array:
    """Targets in the loss's domain: hard and soft labels, classes, numbers of either sign."""
    if loss in SPARSE:
        return rng.integers(0, width, (rows, 1)).astype(float)
    if loss.startswith("categorical"):
        hard = np.eye(width)[rng.integers(0, width, rows)]
        soft = rng.dirichlet(np.ones(width), rows)
        return np.where(rng.uniform(size=(rows, 1)) < 0.8, hard, soft)
    if loss.startswith("binary"):
        labels = rng.integers(0, 2, (rows, width)).astype(float)
        return np.where(rng.uniform(size=labels.shape) < 0.1, rng.uniform(size=labels.shape), labels)
    if loss == "hinge":
        return rng.choice([-1.0, 1.0], (rows, width))
    return rng.normal(size=(rows, width)) * 10.0 ** rng.uniform(-1, 1)


def start(rng: Rng, shape: tuple[int, int]) -> Array:
    """Weights and biases of a size that keeps signals alive through some layers."""
    return rng.normal(size=shape) * 10.0 ** rng.uniform(-0.5, 0.2) / np.sqrt(max(shape[0], 1))


def any_optimizer(rng: Rng) -> Optimizer:
    """Any formula in any of its forms, with or without decay, clipping and a schedule."""
    name = str(rng.choice(OPTIMIZERS))
    settings: dict[str, Any] = {key: str(rng.choice(forms)) for key, forms in FORMS.get(name, {}).items()}
    settings |= numbers(rng, name) | clipping(rng)
    if name == "adamw" or rng.uniform() < 0.2:
        settings["weight_decay"] = float(10.0 ** rng.uniform(-4, -1))
    return Optimizer(
        name=name, learning_rate=float(10.0 ** rng.uniform(-4, -0.5)), settings=settings, schedule=any_schedule(rng)
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


def clipping(rng: Rng) -> dict[str, Setting]:
    """One way of clipping, in one of three problems; 1e-6 is the epsilon that PyTorch adds to a norm."""
    kind = rng.choice(["clip_value", "clip_norm", "clip_norm_each", *["none"] * 6])
    if kind == "none":
        return {}
    limit: dict[str, Setting] = {str(kind): float(10.0 ** rng.uniform(-2, 0.5))}
    return limit | ({"clip_epsilon": 1e-6} if kind != "clip_value" and rng.uniform() < 0.7 else {})


def any_schedule(rng: Rng) -> Schedule:
    """Constant in one of two."""
    name = str(rng.choice([*SCHEDULES, *["constant"] * 3]))
    decay, floor = float(rng.uniform(0.5, 0.99)), float(rng.choice([0.0, 0.1]))
    return Schedule(name=name, every=int(rng.integers(1, 12)), decay=decay, floor=floor)
