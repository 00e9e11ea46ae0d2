"""The options that several commands share."""

from __future__ import annotations

from collections.abc import Callable

import click


def training_options(command: Callable[..., None], *, with_rate: bool = True) -> Callable[..., None]:
    """The options that change a problem; with_rate: --learning-rate too."""
    options = (
        click.option("--dtype", metavar="DTYPE", help="float64 or float32."),
        click.option("--initial", metavar="START", help="constant:0.1, constant:1, random:SEED, glorot_uniform:SEED."),
        click.option("--epochs", type=int, metavar="N", help="How often every row is used."),
        click.option("--order", metavar="ORDER", help="sequential, shuffled (each epoch) or random (drawn each step)."),
        click.option("--seed", type=int, metavar="SEED", help="Seed of a shuffled or random order."),
        click.option("--batch-size", type=int, metavar="ROWS", help="Rows per step."),
        *([click.option("--learning-rate", type=float, metavar="RATE", help="Step size of the descent.")] * with_rate),
    )
    for option in reversed(options):
        command = option(command)
    return command


def training_options_but_rate(command: Callable[..., None]) -> Callable[..., None]:
    """The options that change a problem whose learning rates are given otherwise."""
    return training_options(command, with_rate=False)


until_converged_option = click.option(
    "--until-converged",
    type=float,
    metavar="TOL",
    help="Stop after the first epoch whose every step has ‖learning_rate · ∇L‖ below TOL; --epochs is the cap.",
)
