"""What a candidate made of many states: the material of a diagnosis."""

from __future__ import annotations

from dataclasses import dataclass, replace

from comparisons.arithmetic.bounds import Bounded
from comparisons.arithmetic.leaves import leaves
from comparisons.arithmetic.precision import PRECISIONS, Precision
from comparisons.arithmetic.unions import union
from comparisons.chains import Passes, Run
from manual.network import forward, loss_routes
from manual.routes import Route
from problems.problem import Array, Parameters, Problem


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """What a candidate made of many states.

    before, after: name to (states, *shape), around the update; gradients the same, or None where it tells none;
    loss (states,); x (states, rows, n_in); y (states, rows, n_out); learning_rate (states, 1, 1).
    run: the forward pass that the formulas start from; way: how they evaluate the loss, every way unless given.
    """

    problem: Problem
    before: Parameters
    after: Parameters
    gradients: Parameters | None
    loss: Array
    x: Array
    y: Array
    learning_rate: Array
    run: Run = forward
    way: Route | None = None

    def part(self, states: Array) -> Evidence:
        """The evidence of some states only."""
        gradients = self.gradients
        return replace(
            self,
            before={name: values[states] for name, values in self.before.items()},
            after={name: values[states] for name, values in self.after.items()},
            gradients=None if gradients is None else {name: values[states] for name, values in gradients.items()},
            loss=self.loss[states],
            x=self.x[states],
            y=self.y[states],
            learning_rate=self.learning_rate[states],
        )

    @property
    def precision(self) -> Precision:
        """The precision that the candidate was asked to compute in."""
        return PRECISIONS[self.problem.dtype]

    def passes(self, carried: Precision | None = None) -> Passes:
        """What the formulas run over: error-carrying arrays of the run's precision, or of a lower one `carried`."""
        precision = carried or self.precision

        def leaf(values: Array) -> Bounded:
            return leaves(values, self.precision, precision)

        return Passes(
            problem=self.problem,
            before={name: leaf(values) for name, values in self.before.items()},
            after={name: leaf(values) for name, values in self.after.items()},
            x=leaf(self.x),
            y=leaf(self.y),
            learning_rate=Bounded.rounded(self.learning_rate, precision),
            run=self.run,
            way=self.way or any_route(self.problem),
        )

    def plain(self) -> Passes:
        """The same over plain numbers, where 0 · log of a negative number is no number."""
        return Passes(
            problem=self.problem,
            before=self.before,
            after=self.after,
            x=self.x,
            y=self.y,
            learning_rate=self.learning_rate,
            run=self.run,
            way=self.way,
        )

    def found(self, quantity: str, of_gradient: bool) -> Array:
        """What the candidate has for `quantity`: its loss, its gradient, or its parameter after the update."""
        if quantity == "loss":
            return self.loss
        if of_gradient and self.gradients is not None:
            return self.gradients[quantity]
        return self.after[quantity]


def any_route(problem: Problem) -> Route:
    """The loss and its derivative on error-carrying numbers, around all the routes that the loss allows."""
    allowed = loss_routes(problem.network, problem.loss)
    if len(allowed) == 1:
        return allowed[0]
    return Route(
        "any",
        lambda y, z: union([route.loss(y, z) for route in allowed]),
        lambda y, z: union([route.delta(y, z) for route in allowed]),
    )
