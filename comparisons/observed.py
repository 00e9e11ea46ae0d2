"""Steps of a trace as an audit looks at them: where each started, its rows, and what was made of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from comparisons.own_states import Before, OwnStates
from problems.problem import Array, Parameters, Problem
from problems.trace import Trace, run_of


@dataclass(frozen=True, kw_only=True, eq=False)
class Observed:
    """Steps with equally many rows, and what an implementation made of them.

    positions: (steps,) from 0; before: parameter name to (steps, *shape), the state just before each step, with what
    the optimizer remembers where that is anything;
    x (steps, rows, n_in); y (steps, rows, n_out); actual: quantity name to what was reported, (steps, ...).
    """

    problem: Problem
    positions: Array
    before: Parameters
    x: Array
    y: Array
    actual: Parameters

    def copied(self) -> Observed:
        """The same in memory of its own, without what the optimizer remembers."""
        before, actual = (
            {name: values.copy() for name, values in tensors.items()} for tensors in (self.before, self.actual)
        )
        return replace(self, before=before, actual=actual)

    def without_updates(self) -> Observed:
        """The same without the parameters after each step, and without what the optimizer remembers."""
        actual = {name: values for name, values in self.actual.items() if not name.startswith("parameter.")}
        return replace(self, before=dict(self.before), actual=actual)

    def part(self, steps: slice) -> Observed:
        """Some of the steps."""
        before: Parameters = {name: values[steps] for name, values in self.before.items()}
        if isinstance(self.before, Before):
            before = Before(before, self.before.states, self.positions[steps])
        return Observed(
            problem=self.problem,
            positions=self.positions[steps],
            before=before,
            x=self.x[steps],
            y=self.y[steps],
            actual={name: values[steps] for name, values in self.actual.items()},
        )


def quantity_names(problem: Problem) -> list[str]:
    """Loss, gradients and parameters, in the reference's order."""
    names = problem.network.parameter_shapes
    return ["loss", *(f"gradient.{name}" for name in names), *(f"parameter.{name}" for name in names)]


def actual_values(trace: Trace) -> dict[str, Array]:
    """Quantity name to what the trace reports, each (steps, ...), in the reference's order."""
    names = trace.problem.network.parameter_shapes
    values = {"loss": trace.loss}
    values |= {f"gradient.{name}": trace.gradients[name] for name in names}
    values |= {f"parameter.{name}": trace.parameters[name] for name in names}
    return values


def observed_at(
    trace: Trace, positions: Array, states: OwnStates | None = None, numbers: Array | None = None
) -> Observed:
    """The steps of `trace` at `positions`, rising, all with equally many rows.

    states: those of the same trace, where they are kept from one call to the next; numbers: the positions of its steps
    in the whole training, where it is a part of one.
    """
    problem, place = trace.problem, run_of(positions)
    rows = trace.rows[place]
    rows = rows[:, : int((rows[0] >= 0).sum())]
    before: Parameters = {name: trace.before(name, positions) for name in problem.network.parameter_shapes}
    placed = positions if numbers is None else numbers[positions]
    return Observed(
        problem=problem,
        positions=placed,
        before=before if problem.optimizer.plain else Before(before, states or OwnStates(trace), placed),
        x=problem.x[rows],
        y=problem.y[rows],
        actual={name: values[place] for name, values in actual_values(trace).items()},
    )
