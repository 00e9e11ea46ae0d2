"""Optimizers: how gradients become updates, each formula as its paper has it and as libraries evaluate it."""

from manual.optimizers.descent import sgd
from manual.optimizers.rule import Rule
from manual.optimizers.rules import rules
from manual.optimizers.update import coefficients, initial_state, updated

__all__ = ["Rule", "coefficients", "initial_state", "rules", "sgd", "updated"]
