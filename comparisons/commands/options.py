"""The options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

# Written out and not taken from problems, so that --help need not wait for NumPy; a test holds them together.
STARTS = (
    "constant:NUMBER, random:SEED, uniform:SEED[:RANGE], normal:SEED[:STD], glorot_uniform:SEED, glorot_normal:SEED, "
    "he_uniform:SEED, he_normal:SEED, lecun_uniform:SEED, lecun_normal:SEED, orthogonal:SEED"
)
OPTIMIZERS = "sgd, momentum, nesterov, adagrad, rmsprop, adam, adamw, adamax, nadam"
ALL = "all"


class Rows(click.ParamType[Any]):
    """A whole number, or `all`."""

    name = "integer"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        """`all` as it is, anything else as click's own whole number."""
        return ALL if value == ALL else click.INT.convert(value, param, ctx)


def training_options(command: Callable[..., None], *, with_rate: bool = True) -> Callable[..., None]:
    """The options that change a problem; with_rate: --learning-rate too."""
    options = (
        click.option(
            "--dtype", metavar="DTYPE", help="float64 or float32; bfloat16 or float16 as storage, in torch and jax."
        ),
        click.option("--initial", metavar="START", help=f"{STARTS}."),
        click.option("--loss", metavar="NAME", help="Another loss, such as huber; an unknown name lists them all."),
        click.option("--optimizer", metavar="NAME", help=f"{OPTIMIZERS}; with its default settings."),
        click.option("--epochs", type=int, metavar="N", help="How often every row is used."),
        click.option("--order", metavar="ORDER", help="sequential, shuffled (each epoch) or random (drawn each step)."),
        click.option("--seed", type=int, metavar="SEED", help="Seed of a shuffled or random order."),
        click.option("--batch-size", type=Rows(), metavar="ROWS|all", help="Rows per step."),
        *([click.option("--learning-rate", type=float, metavar="RATE", help="Step size of the descent.")] * with_rate),
    )
    for option in reversed(options):
        command = option(command)
    return command


def training_options_but_rate(command: Callable[..., None]) -> Callable[..., None]:
    """The options that change a problem whose learning rates are given otherwise."""
    return training_options(command, with_rate=False)


device_option = click.option(
    "--device",
    metavar="DEVICE",
    help="What PyTorch, Keras and JAX train on: cpu (the default) or cuda; all others on the CPU.",
)

fast_option = click.option(
    "--fast", is_flag=True, help="Many steps in one compiled call, where the implementation can; every step is audited."
)


until_converged_option = click.option(
    "--until-converged",
    type=float,
    metavar="TOL",
    help="Stop after the first epoch whose every step has ‖learning_rate · ∇L‖ below TOL; --epochs is the cap.",
)
