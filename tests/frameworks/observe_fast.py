"""Run as `python observe_fast.py NAME FOLDER`: what an implementation does step by step and many steps in one call.

Each case's traces go to CASE.npz and CASE-fast.npz, and to CASE-again.npz that of a program that trained other numbers
before; how many compiled programs are held, and by how many steps fit into a chunk lengths of blocks and how often the
forward pass was traced, to fast.json. Nothing is printed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from observe import deep, one_layer

from comparisons.implementations import load
from problems import chunks
from problems.block import Block
from problems.dtypes import COMPUTED, STORED
from problems.optimizer import Setting
from problems.problem import Network, Optimizer, Problem
from problems.schedule import Schedule
from problems.trace import Trace
from problems.trace_file import save_trace

BYTES = 2 * 6 * 4  # of a step of one_layer in float32: gradients and parameters
PROGRAMS = {
    "jax": [("jax_scan", "scanned"), ("jax_mlp", "step_function")],
    "keras-jax": [("keras_jax_scan", "scanned")],
    "keras-tensorflow": [("keras_tensorflow_loop", "looped")],
}
MOST = (1, 8, 9, 100)  # steps that fit into a chunk, of 9
CLIPPED_AND_DECAYING = {"clip_norm_each": 0.5, "weight_decay": 0.01}
REMEMBERING: dict[str, dict[str, dict[str, Setting]]] = {  # settings of optimizers, by library
    "jax": {
        "adam": {"epsilon_place": "corrected", **CLIPPED_AND_DECAYING},
        "nadam": {"momentum_schedule": "constant", "clip_value": 0.2},
        "nesterov": {"velocity": "gradient", "clip_norm": 0.3},
    },
    "keras": {
        "adam": {"epsilon_place": "uncorrected", **CLIPPED_AND_DECAYING},
        "nadam": {"momentum_decay": 1.0, "clip_value": 0.2},
        "nesterov": {"velocity": "step", "clip_norm": 0.3},
    },
}
SCHEDULES = {
    "adam": Schedule(name="exponential", every=3, decay=0.7),
    "nadam": Schedule(name="cosine", every=5, floor=0.1),
    "nesterov": Schedule(name="step", every=2, decay=0.5),
}


def activation(name: str, dtype: str) -> Problem:
    """3-4-2 with an L2 penalty, one hidden activation; two batches of 3 and 2 rows an epoch."""
    rng = np.random.default_rng(2)
    network = Network(inputs=3, units=(4, 2), activations=(name, "linear"))
    return Problem(
        name=name,
        x=rng.uniform(-2, 2, (5, 3)),
        y=rng.uniform(-2, 2, (5, 2)),
        network=network,
        loss="half_squared_error",
        l2=0.03,
        initial={name: rng.uniform(-1, 1, shape) for name, shape in network.parameter_shapes.items()},
        optimizer=Optimizer(learning_rate=0.1),
        epochs=3,
        batch_size=3,
        dtype=dtype,
    )


def remembering(library: str, optimizer: str, dtype: str) -> Problem:
    """An optimizer with a state, clipped, with a schedule; rows drawn at random."""
    chosen = Optimizer(
        name=optimizer,
        learning_rate=0.1,
        settings=REMEMBERING[library][optimizer],
        schedule=SCHEDULES[optimizer],
    )
    return one_layer(dtype, optimizer=chosen, order="random")


def cases(name: str) -> Iterator[tuple[str, Problem]]:
    """What is trained: short batches in most, all orders, and what the libraries are known to deviate in."""
    library = name.split("-")[0]
    for dtype in (*COMPUTED, *(STORED if name == "jax" else ())):
        yield f"plain-{dtype}", one_layer(dtype)
    for dtype in COMPUTED:
        yield f"gelu-{dtype}", activation("gelu", dtype)
        yield f"adam-{dtype}", remembering(library, "adam", dtype)
    yield "tanh-float64", activation("tanh", "float64")
    yield "all-rows-float64", one_layer("float64", batch_size=5, order="sequential")
    yield "deep-float32", deep("categorical_cross_entropy", "float32")
    yield "nadam-float64", remembering(library, "nadam", "float64")
    yield "nesterov-float32", remembering(library, "nesterov", "float32")


def in_chunks(name: str, most: int) -> tuple[Trace, dict[str, Any]]:
    """Nine steps, `most` in a chunk: the trace, the lengths of the blocks, and how often the activation was called,
    in this training and in one of the same form after it.

    It stands in every forward pass, and is called when one is traced.
    """
    problem = one_layer("float32", network=Network(inputs=2, units=(2,), activations=("leaky_relu",)))
    module: Any = import_module("frameworks.jax_mlp" if name == "jax" else "frameworks.keras_mlp")
    counted = mock.Mock(side_effect=module.leaky_relu)
    for program in programs(name):
        program.cache_clear()
    with mock.patch.dict(module.ACTIVATIONS, leaky_relu=counted), mock.patch.object(chunks, "LARGEST", most * BYTES):
        blocks = list(load(name, fast=True).train(problem))
        traced = counted.call_count
        for _ in load(name, fast=True).train(other_numbers(problem)):
            pass
    trace = Trace.record(problem, blocks, implementation=name)
    lengths = [block.steps for block in blocks if isinstance(block, Block)]
    return trace, {"lengths": lengths, "traced": traced, "traced_again": counted.call_count - traced}


def programs(name: str) -> list[Any]:
    """The functions that make the compiled programs of implementation NAME, and keep them."""
    return [getattr(import_module(f"frameworks.{module}"), function) for module, function in PROGRAMS[name]]


def other_numbers(problem: Problem) -> Problem:
    """The same form with other rows and another start."""
    rng = np.random.default_rng(3)
    initial = {name: rng.uniform(-1, 1, values.shape) for name, values in problem.initial.items()}
    return problem.changed(x=problem.x[::-1] / 2, initial=initial)


def main() -> None:
    """Observe implementation NAME."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    for case, problem in cases(name):
        for suffix, fast in (("", False), ("-fast", True)):
            trace = Trace.record(problem, load(name, fast=fast).train(problem), implementation=name)
            save_trace(trace, folder / f"{case}{suffix}.npz")
        for _ in load(name, fast=True).train(other_numbers(problem)):
            pass
        trace = Trace.record(problem, load(name, fast=True).train(problem), implementation=name)
        save_trace(trace, folder / f"{case}-again.npz")
    found: dict[str, Any] = {"held": [program.cache_info().currsize for program in programs(name)]}
    for most in MOST:
        trace, found[str(most)] = in_chunks(name, most)
        save_trace(trace, folder / f"chunks-{most}.npz")
    (folder / "fast.json").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
