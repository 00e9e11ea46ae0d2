"""Parts of a training: its first steps, and what is left after some of them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from problems.problem import Parameters, Problem, ProblemError


@dataclass(frozen=True, kw_only=True, eq=False)
class Continued(Problem):
    """A training of which `taken` steps are made: `initial` is the state after them, and the rows that follow are next.

    Only plain descent goes on from its parameters alone; other optimizers remember more. `steps` are those left.
    """

    taken: int

    @property
    def begin(self) -> int:
        """Updates made before `initial`."""
        return self.taken

    @property
    def steps(self) -> int:
        """Updates that are left."""
        return super().steps - self.taken


@dataclass(frozen=True, kw_only=True, eq=False)
class Beginning(Problem):
    """The first `made` steps of a training, whatever its optimizer."""

    made: int

    @property
    def steps(self) -> int:
        """Updates until where it stops."""
        return self.made


def beginning(problem: Problem, made: int) -> Beginning:
    """The first `made` steps of `problem`."""
    return Beginning(**_given(problem), made=made)


def continued(problem: Problem, parameters: Parameters, taken: int) -> Continued | None:
    """What is left of `problem` after `taken` steps that led to `parameters`, by name.

    None where that would not be the same training: where the optimizer is not plain, or where `parameters` are not
    numbers that the problem's dtype holds, as after a training that diverged.
    """
    if not problem.optimizer.plain:
        return None
    try:
        rest = Continued(**{**_given(problem), "initial": parameters}, taken=taken)
    except ProblemError:
        return None
    held = all((rest.initial[name] == values).all() for name, values in parameters.items())
    return rest if held else None


def full_batch_before(problem: Problem, steps: int) -> int:
    """Where a training that has made `steps` goes on: there, or one step before, lest it begins with a short batch.

    What TensorFlow compiles for a batch depends on the shapes it has seen before, and so does the last bit of a loss.
    """
    short = len(problem.x) % problem.batch_size and problem.steps_per_epoch > 1
    next_is_last = steps % problem.steps_per_epoch == problem.steps_per_epoch - 1
    return steps - 1 if short and next_is_last else steps


def _given(problem: Problem) -> dict[str, Any]:
    return {field.name: getattr(problem, field.name) for field in fields(Problem)}
