"""Keras on TensorFlow, many steps in one call: Keras's own train_step in a loop inside one tf.function.

The function is compiled by XLA, as Keras compiles a single step, and once: all chunks have one length. A short batch
has a train_step of its own beside the full one, and tf.cond chooses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

from frameworks.keras_backends import placed
from frameworks.keras_mlp import KeepingSequential, canonical, ready
from frameworks.keras_mlp import versions as versions
from problems.block import Block
from problems.chunks import chunks, short_batch
from problems.problem import Problem


def looped(model: KeepingSequential, x: Any, y: Any, short: int) -> Callable[[Any], list[Any]]:
    """rows (steps, batch) to what every step leaves in the variables that are reported, each stacked, compiled.

    short: rows in the batch that ends an epoch, where it is filled up with -1; 0 where none is.
    """
    reported = [model.last_loss, *model.optimizer.kept, *model.trainable_variables]

    def on(rows: Any) -> None:
        model.train_step((tf.gather(x, rows), tf.gather(y, rows)))

    def on_full_or_short(rows: Any) -> None:
        if rows[-1] < 0:
            on(rows[:short])
        else:
            on(rows)

    @tf.function(jit_compile=True)
    def many(rows: Any) -> list[Any]:
        stacks = [tf.TensorArray(variable.dtype, len(rows), element_shape=variable.shape) for variable in reported]
        for step in tf.range(len(rows)):
            (on_full_or_short if short else on)(rows[step])
            stacks = [stack.write(step, variable.value) for stack, variable in zip(stacks, reported, strict=True)]
        return [stack.stack() for stack in stacks]

    return many


def train(problem: Problem) -> Iterator[Block]:
    """Every step of training `problem`, a block for each call."""
    model = ready(problem)
    names = len(problem.network.parameter_shapes)
    with placed():
        model.optimizer.build(model.trainable_variables)
        many = looped(model, tf.constant(problem.x), tf.constant(problem.y), short_batch(problem))
    for rows, steps in chunks(problem):
        with placed():
            loss, *tensors = (tensor.numpy() for tensor in many(tf.constant(rows)))
        yield Block(
            rows=rows,
            loss=loss,
            gradients=canonical(problem, tensors[:names]),
            parameters=canonical(problem, tensors[names:]),
        ).part(0, steps)
