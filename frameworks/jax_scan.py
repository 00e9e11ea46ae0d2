"""JAX, many steps in one call: the step of jax_mlp as the body of lax.scan.

The scan is compiled once: all chunks have one length. Where an epoch ends in a short batch, its step is compiled beside
the full one and lax.cond chooses, so that each mean is over the rows that are there.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from frameworks.jax_mlp import DTYPES, Tree, configure, held, require_known, step_function, update_of
from frameworks.jax_mlp import versions as versions
from problems.block import Block
from problems.chunks import chunks
from problems.form import KEPT, Form, form_of
from problems.problem import Problem

State = tuple[Tree, Any]  # parameters, and what the optimizer remembers
Reported = tuple[jax.Array, Tree, Tree]  # loss, gradients, new parameters


@functools.lru_cache(maxsize=KEPT)
def scanned(form: Form) -> Callable[..., tuple[State, Reported]]:
    """(state, x, y, rows (steps, batch)) to the state after all steps and what every step reports.

    Compiled once for all trainings of one form. The batch that ends an epoch may be short, filled up with -1.
    """
    step, short = step_function(form), form.short_batch

    @jax.jit
    def many(state: State, x: jax.Array, y: jax.Array, rows: jax.Array) -> tuple[State, Reported]:
        def on(state: State, rows: jax.Array) -> tuple[State, Reported]:
            loss, gradients, parameters, memory = step(*state, x[rows], y[rows])
            return (parameters, memory), (loss, gradients, parameters)

        def on_full_or_short(state: State, rows: jax.Array) -> Any:
            return lax.cond(rows[-1] < 0, lambda: on(state, rows[:short]), lambda: on(state, rows))

        return lax.scan(on_full_or_short if short else on, state, rows)

    return many


def train(problem: Problem) -> Iterator[Block]:
    """Every step of training `problem`, a block for each call."""
    require_known(problem)
    configure(problem.dtype)
    dtype = DTYPES[problem.dtype]
    x, y = (jnp.asarray(table, dtype) for table in (problem.x, problem.y))
    parameters: Any = {name: jnp.asarray(values, dtype) for name, values in problem.initial.items()}
    form = form_of(problem)
    many = scanned(form)
    state: State = (parameters, update_of(form).init(parameters))
    for rows, steps in chunks(problem):
        state, (loss, gradients, after) = many(state, x, y, rows)
        yield Block(
            rows=rows,
            loss=held(loss),
            gradients={name: held(gradients[name]) for name in problem.initial},
            parameters={name: held(after[name]) for name in problem.initial},
        ).part(0, steps)
