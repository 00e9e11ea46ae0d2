"""Random trainings of the two lesson networks, from numbers of every size."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from manual.train import train
from problems.catalogue import named_problem
from problems.problem import Array, Network, Optimizer, Problem

ROWS = 40
LIMIT = 1e18  # a diverging training is cut where a number grows beyond this: its square is still a float32
TINIEST = {"float64": -150.0, "float32": -37.0}  # powers of ten
Rng = np.random.Generator


def sized(rng: Rng, shape: tuple[int, ...], low: float, high: float) -> Array:
    """Numbers of either sign whose sizes are spread evenly from 10^low to 10^high."""
    return np.asarray(rng.choice([-1.0, 1.0], shape) * 10.0 ** rng.uniform(low, high, shape))


# How the parameters of one training are drawn.
STARTS: dict[str, Callable[[Rng, tuple[int, ...], str], Array]] = {
    "ordinary": lambda rng, shape, dtype: rng.uniform(-1, 1, shape),
    "every size": lambda rng, shape, dtype: sized(rng, shape, -3, np.log10(16)),
    "large": lambda rng, shape, dtype: rng.uniform(-16, 16, shape),
    "tiny": lambda rng, shape, dtype: sized(rng, shape, TINIEST[dtype], 0),
    "some zero": lambda rng, shape, dtype: rng.uniform(-2, 2, shape) * rng.integers(0, 2, shape),
    "all alike": lambda rng, shape, dtype: np.full(shape, rng.choice([0.1, 1.0, -2.0, 16.0])),
}

# How one row of inputs is drawn; every training has rows of every kind.
INPUTS: tuple[Callable[[Rng, int, str], Array], ...] = (
    lambda rng, width, dtype: rng.integers(0, 11, width).astype(float),
    lambda rng, width, dtype: rng.uniform(-10, 10, width),
    lambda rng, width, dtype: sized(rng, (width,), -3, 2),
    lambda rng, width, dtype: sized(rng, (width,), TINIEST[dtype], 1),
    lambda rng, width, dtype: rng.uniform(-10, 10, width) * rng.integers(0, 2, width),
    lambda rng, width, dtype: np.zeros(width),
    lambda rng, width, dtype: rng.uniform(-1, 1, width),
)


def random_problems(seed: int, lesson: str, dtype: str, steps: int) -> Iterator[Problem]:
    """Trainings of `lesson` in `dtype`, until they come to at least `steps` steps; starts take turns."""
    rng = np.random.default_rng([seed, sorted(TINIEST).index(dtype), len(lesson)])
    number = 0
    while steps > 0:
        start = list(STARTS)[number % len(STARTS)]
        problem = random_problem(rng, f"{lesson}-{dtype}-{number}", lesson, dtype, start)
        steps, number = steps - problem.steps, number + 1
        yield problem


def random_problem(rng: Rng, name: str, lesson: str, dtype: str, start: str) -> Problem:
    """One training of some steps; every fourth in batches of 4."""
    network = named_problem(lesson).network
    problem = named_problem(lesson).changed(
        name=name,
        x=np.stack([INPUTS[rng.integers(len(INPUTS))](rng, network.inputs, dtype) for _ in range(ROWS)]),
        y=targets(rng, lesson),
        initial={key: STARTS[start](rng, shape, dtype) for key, shape in network.parameter_shapes.items()},
        optimizer=Optimizer(learning_rate=10.0 ** rng.uniform(-6, 0)),
        epochs=1,
        batch_size=int(rng.choice([1, 1, 1, 4])),
        dtype=dtype,
        start=start,
    )
    return cut(problem, steps_within(problem, LIMIT))


def targets(rng: Rng, lesson: str) -> Array:
    """(rows, 1): packages from −10 to 10 and zeros, or labels 0 and 1 with some between them."""
    if lesson == "regression":
        return rng.uniform(-10, 10, (ROWS, 1)) * rng.integers(0, 4, (ROWS, 1)).clip(0, 1)
    labels = rng.integers(0, 2, (ROWS, 1)).astype(float)
    return np.where(rng.uniform(size=labels.shape) < 0.1, rng.uniform(size=labels.shape), labels)


def steps_within(problem: Problem, limit: float) -> int:
    """How many steps the training takes before any number of it is larger than `limit`; at least one."""
    with np.errstate(all="ignore"):
        for number, step in enumerate(train(problem)):
            numbers = [step.loss, *step.gradients.values(), *step.parameters.values()]
            if not all((np.abs(values) <= limit).all() for values in numbers):
                return max(number, 1)
    return problem.steps


def cut(problem: Problem, steps: int) -> Problem:
    """The first `steps` steps of a training of one epoch."""
    rows = steps * problem.batch_size
    return problem.changed(x=problem.x[:rows], y=problem.y[:rows])


def ordinary(lesson: str, dtype: str, seed: int) -> Problem:
    """The lesson's own rows from a random start, with weights and a learning rate of ordinary size."""
    problem = named_problem(lesson)
    rng = np.random.default_rng(seed)
    return problem.changed(initial=uniform(rng, problem.network), dtype=dtype, epochs=5, start=f"ordinary:{seed}")


def uniform(rng: Rng, network: Network) -> dict[str, Array]:
    """Every parameter evenly from −1 to 1."""
    return {name: rng.uniform(-1, 1, shape) for name, shape in network.parameter_shapes.items()}
