"""Keras on TensorFlow, many steps in one call: Keras's own train_step in a loop inside one tf.function.

The function is compiled by XLA, as Keras compiles a single step, and once: all chunks have one length. A short batch
has a train_step of its own beside the full one, and tf.cond chooses.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from frameworks.keras_backends import placed
from frameworks.keras_mlp import KeepingSequential, canonical, compiled, layered, ready
from frameworks.keras_mlp import versions as versions
from problems.block import Block
from problems.chunks import chunks
from problems.form import KEPT, Form, form_of
from problems.problem import Problem


@dataclass(frozen=True, kw_only=True, eq=False)
class Loop:
    """A model, and (x, y, rows (steps, batch)) to what every step leaves in the variables that are reported, stacked.

    The function changes the variables of this very model.
    """

    model: KeepingSequential
    many: Callable[[Any, Any, Any], list[Any]]

    def begin(self, fresh: KeepingSequential) -> None:
        """Give every variable the number that it has in `fresh`, a model of the same form that is to be trained."""
        for variable, new in zip(variables(self.model), variables(fresh), strict=True):
            variable.assign(new.value)


def variables(model: KeepingSequential) -> list[Any]:
    """Of the network, of the optimizer, of metrics."""
    model.optimizer.build(model.trainable_variables)
    return [*model.variables, *model.optimizer.variables, *model.metrics_variables]


@functools.lru_cache(maxsize=KEPT)
def looped(form: Form) -> Loop:
    """The loop of all trainings of one form, compiled once. The batch that ends an epoch may be short, filled up."""
    model, short = compiled(layered(form.network, form.l2), form.optimizer, form.loss), form.short_batch
    model.optimizer.build(model.trainable_variables)
    reported = [model.last_loss, *model.optimizer.kept, *model.trainable_variables]

    def on(x: Any, y: Any, rows: Any) -> None:
        model.train_step((tf.gather(x, rows), tf.gather(y, rows)))

    def on_full_or_short(x: Any, y: Any, rows: Any) -> None:
        if rows[-1] < 0:
            on(x, y, rows[:short])
        else:
            on(x, y, rows)

    @tf.function(jit_compile=True)
    def many(x: Any, y: Any, rows: Any) -> list[Any]:
        stacks = [tf.TensorArray(variable.dtype, len(rows), element_shape=variable.shape) for variable in reported]
        for step in tf.range(len(rows)):
            (on_full_or_short if short else on)(x, y, rows[step])
            stacks = [stack.write(step, variable.value) for stack, variable in zip(stacks, reported, strict=True)]
        return [stack.stack() for stack in stacks]

    return Loop(model=model, many=many)


def train(problem: Problem) -> Iterator[Block]:
    """Every step of training `problem`, a block for each call; of trainings of one form one at a time."""
    fresh = ready(problem)
    names = len(problem.network.parameter_shapes)
    with placed():
        loop = looped(form_of(problem))
        loop.begin(fresh)
        x, y = tf.constant(problem.x), tf.constant(problem.y)
    for rows, steps in chunks(problem):
        with placed():
            loss, *tensors = (tensor.numpy() for tensor in loop.many(x, y, tf.constant(rows)))
        yield Block(
            rows=rows,
            loss=loss,
            gradients=canonical(problem, tensors[:names]),
            parameters=canonical(problem, tensors[names:]),
        ).part(0, steps)
