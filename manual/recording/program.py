"""One training step as straight-line code: its lines, what goes in and what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from manual.network import loss_routes, train_step
from manual.recording.recorded import Recorded, inputs, places
from manual.recording.tape import INPUT, NUMBER, Line, Tape, needed
from problems.problem import Problem

RATE = "rate"


@dataclass(frozen=True, kw_only=True)
class Program:
    """x, y, parameters, rate: the names of what is given, x and y row by row, parameters in their canonical order, all
    in C order; loss, gradients, after: the places of what comes out, in the same order, after being the parameters
    after the step."""

    lines: tuple[Line, ...]
    x: tuple[str, ...]
    y: tuple[str, ...]
    parameters: tuple[str, ...]
    loss: int
    gradients: tuple[int, ...]
    after: tuple[int, ...]

    def order(self, results: tuple[int, ...]) -> list[int]:
        """The places of the operations, in order, that `results` come from."""
        return [place for place in needed(self.lines, results) if self.lines[place].operation not in (INPUT, NUMBER)]


@dataclass(frozen=True, kw_only=True)
class Start:
    """A tape on which everything that a step is given stands: x (rows, n_in), y (rows, n_out), parameters, rate."""

    tape: Tape
    x: Recorded
    y: Recorded
    parameters: Mapping[str, Recorded]
    rate: Recorded

    def program(self, loss: Recorded, gradients: Mapping[str, Recorded], parameters: Mapping[str, Recorded]) -> Program:
        """The program of a step that made these of what it was given."""
        return Program(
            lines=tuple(self.tape.lines),
            x=self._names(self.x),
            y=self._names(self.y),
            parameters=tuple(name for one in self.parameters.values() for name in self._names(one)),
            loss=places(loss)[0],
            gradients=tuple(place for name in self.parameters for place in places(gradients[name])),
            after=tuple(place for name in self.parameters for place in places(parameters[name])),
        )

    def _names(self, values: Recorded) -> tuple[str, ...]:
        return tuple(self.tape.lines[place].text for place in places(values))


def start(problem: Problem, rows: int) -> Start:
    """A new tape for a step of `problem` on so many rows."""
    tape = Tape()
    return Start(
        tape=tape,
        x=inputs(tape, "x", (rows, problem.x.shape[1])),
        y=inputs(tape, "y", (rows, problem.y.shape[1])),
        parameters={name: inputs(tape, name, shape) for name, shape in problem.network.parameter_shapes.items()},
        rate=inputs(tape, RATE),
    )


def recorded_step(problem: Problem, rows: int) -> Program:
    """A step of plain gradient descent in matrix form, written down number by number."""
    given = start(problem, rows)
    route, *_ = loss_routes(problem.network, problem.loss)
    step = train_step(problem.network, route, given.parameters, given.x, given.y, given.rate, problem.l2)
    return given.program(step.loss, step.gradients, step.parameters)
