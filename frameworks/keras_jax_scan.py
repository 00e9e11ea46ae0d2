"""Keras on JAX, many steps in one call: Keras's own stateless train_step as the body of lax.scan.

train_step takes and returns all variables as arrays, in the order that Keras's guide to training with JAX gives. Loss
and gradients are read from the variables that keep them, as where steps are taken one by one. The scan is compiled
once: all chunks have one length. A short batch has a train_step of its own beside the full one, and lax.cond chooses.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from frameworks.keras_backends import placed
from frameworks.keras_mlp import KeepingSequential, canonical, compiled, layered, ready
from frameworks.keras_mlp import versions as versions
from problems.block import Block
from problems.chunks import chunks
from problems.form import KEPT, Form, form_of
from problems.problem import Problem

State = tuple[list[jax.Array], ...]  # of the network, of the network without gradients, of the optimizer, of metrics
Reported = tuple[jax.Array, list[jax.Array], list[jax.Array]]  # loss, gradients, new parameters


def state_of(model: KeepingSequential) -> State:
    """Every variable's value."""
    model.optimizer.build(model.trainable_variables)
    kinds = (
        model.trainable_variables,
        model.non_trainable_variables,
        model.optimizer.variables,
        model.metrics_variables,
    )
    return tuple([variable.value for variable in variables] for variables in kinds)


def places(variables: list[Any], among: list[Any]) -> list[int]:
    """Where each of `variables` stands among others."""
    return [next(place for place, one in enumerate(among) if one is variable) for variable in variables]


@functools.lru_cache(maxsize=KEPT)
def scanned(form: Form) -> Callable[..., tuple[State, Reported]]:
    """(state, x, y, rows (steps, batch)) to the state after all steps and what every step reports.

    Compiled once for all trainings of one form: every number that a model holds is in the state, which is that of any
    model of this form. The batch that ends an epoch may be short, filled up with -1.
    """
    model, short = compiled(layered(form.network, form.l2), form.optimizer, form.loss), form.short_batch
    model.optimizer.build(model.trainable_variables)
    (kept_loss,) = places([model.last_loss], model.non_trainable_variables)
    kept = places(model.optimizer.kept, model.optimizer.variables)

    @jax.jit
    def many(state: State, x: jax.Array, y: jax.Array, rows: jax.Array) -> tuple[State, Reported]:
        def on(state: State, rows: jax.Array) -> tuple[State, Reported]:
            _, state = model.train_step(state, (x[rows], y[rows]))
            parameters, others, memory, _ = state
            return state, (others[kept_loss], [memory[place] for place in kept], parameters)

        def on_full_or_short(state: State, rows: jax.Array) -> Any:
            return lax.cond(rows[-1] < 0, lambda: on(state, rows[:short]), lambda: on(state, rows))

        return lax.scan(on_full_or_short if short else on, state, rows)

    return many


def train(problem: Problem) -> Iterator[Block]:
    """Every step of training `problem`, a block for each call."""
    model = ready(problem)
    with placed():
        state, many = state_of(model), scanned(form_of(problem))
        x, y = jnp.asarray(problem.x), jnp.asarray(problem.y)
    for rows, steps in chunks(problem):
        with placed():
            state, (loss, gradients, parameters) = many(state, x, y, rows)
        yield Block(
            rows=rows,
            loss=np.asarray(loss),
            gradients=canonical(problem, map(np.asarray, gradients)),
            parameters=canonical(problem, map(np.asarray, parameters)),
        ).part(0, steps)
