"""Run as `python observe.py NAME FOLDER CASE...`: what an implementation does in a process, written to FOLDER.

Each case's trace goes to CASE.npz, everything else to facts.json; nothing is printed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from comparisons.implementations import Trainer, load
from problems.dtypes import COMPUTED
from problems.problem import LOSSES, Network, Optimizer, Problem
from problems.step import Step
from problems.trace import Trace
from problems.trace_file import save_trace


def one_layer(dtype: str, **changes: Any) -> Problem:
    """2-2, weights 0.1, biases 0; 5 shuffled rows in batches of 2, so that every third batch is short."""
    rng = np.random.default_rng(1)
    fields: dict[str, Any] = {
        "name": f"one layer, {dtype}",
        "x": rng.uniform(-2, 2, (5, 2)),
        "y": rng.uniform(-2, 2, (5, 2)),
        "network": Network(inputs=2, units=(2,), activations=("linear",)),
        "loss": "mean_squared_error",
        "initial": {"W1": np.full((2, 2), 0.1), "b1": np.zeros((1, 2))},
        "optimizer": Optimizer(learning_rate=0.1),
        "epochs": 3,
        "batch_size": 2,
        "order": "shuffled",
        "dtype": dtype,
    }
    return Problem(**(fields | changes))


OUTPUTS = {
    "binary_cross_entropy": "sigmoid",
    "categorical_cross_entropy": "softmax",
    "sparse_categorical_cross_entropy": "softmax",
}


def targets(loss: str, rng: np.random.Generator) -> Any:
    """Five rows of targets for two outputs, such as `loss` takes."""
    labels = rng.integers(0, 2, (5, 2))
    if loss.startswith("sparse"):
        return labels[:, :1]
    if loss.startswith("categorical"):
        return np.eye(2)[labels[:, 0]]
    return 2 * labels - 1 if loss == "hinge" else labels


def deep(loss: str, dtype: str) -> Problem:
    """3-4-3-2-2 with every activation of the lesson, the last one as `loss` needs it."""
    rng = np.random.default_rng(2)
    network = Network(
        inputs=3, units=(4, 3, 2, 2), activations=("tanh", "relu", "sigmoid", OUTPUTS.get(loss, "linear"))
    )
    return Problem(
        name=f"{loss}, {dtype}",
        x=rng.uniform(-2, 2, (5, 3)),
        y=targets(loss, rng),
        network=network,
        loss=loss,
        initial={name: rng.uniform(-1, 1, shape) for name, shape in network.parameter_shapes.items()},
        optimizer=Optimizer(learning_rate=0.1),
        epochs=2,
        batch_size=3,
        dtype=dtype,
    )


def cases() -> Iterator[tuple[str, Problem]]:
    """What may be trained, in this order: float64 comes again after float32."""
    yield from ((dtype, one_layer(dtype)) for dtype in COMPUTED)
    yield "float64-again", one_layer("float64")
    yield from ((f"{loss}-{dtype}", deep(loss, dtype)) for loss in LOSSES for dtype in COMPUTED)


def switches(name: str) -> list[Any]:
    """The process-wide settings of implementation `name`'s library, which importing our module must leave alone."""
    settings: list[Any] = []
    if name == "torch":
        import torch

        settings += [str(torch.get_default_dtype()), torch.get_num_threads(), torch.get_float32_matmul_precision()]
    if name.startswith("keras"):
        import keras

        settings += [keras.config.floatx(), keras.config.epsilon(), keras.config.backend()]
    if name.endswith("jax"):
        import jax

        settings += [jax.config.jax_enable_x64, jax.config.jax_default_matmul_precision]
    return settings


def first_step_unchanged(train: Callable[[Problem], Iterator[Step]], problem: Problem) -> bool:
    """Whether the first step's numbers are still the same, bit for bit, after all later steps."""
    steps = train(problem)
    first = next(steps)
    before = [values.tobytes() for values in (first.loss, *first.gradients.values(), *first.parameters.values())]
    later = list(steps)
    after = [values.tobytes() for values in (first.loss, *first.gradients.values(), *first.parameters.values())]
    return before == after and len(later) == problem.steps - 1


def refusal(train: Callable[[Problem], Iterator[Step]], holder: Callable[[Problem], Any], field: str) -> str:
    """What `train` says of a problem with `unheard-of` in one field, past the validation."""
    problem = one_layer("float64")
    value = ("unheard-of",) if field == "activations" else "unheard-of"
    object.__setattr__(holder(problem), field, value)
    try:
        next(train(problem))
    except NotImplementedError as error:
        return str(error)
    return ""


def facts(name: str) -> tuple[Trainer, dict[str, Any]]:
    """The implementation, and what importing it did."""
    before = switches(name)
    trainer = load(name)
    return trainer, {"before": before, "after": switches(name), "versions": trainer.versions(one_layer("float64"))}


def main() -> None:
    """Observe implementation NAME."""
    name, folder, chosen = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
    trainer, found = facts(name)
    for case, problem in cases():
        if case not in chosen:
            continue
        save_trace(Trace.record(problem, trainer.train(problem), implementation=name), folder / f"{case}.npz")
    found["copied"] = first_step_unchanged(trainer.train, one_layer("float64"))
    found["refusals"] = {
        "loss": refusal(trainer.train, lambda problem: problem, "loss"),
        "dtype": refusal(trainer.train, lambda problem: problem, "dtype"),
        "activation": refusal(trainer.train, lambda problem: problem.network, "activations"),
        "optimizer": refusal(trainer.train, lambda problem: problem.optimizer, "name"),
    }
    (folder / "facts.json").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
