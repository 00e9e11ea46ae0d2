"""The step explorer's numbers: chosen steps, every element, every implementation, and the chain walked backward."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from comparisons.arithmetic.exact import exact_step, nearest
from comparisons.arithmetic.precision import FLOAT32, PRECISIONS
from comparisons.audit import observed_at
from comparisons.candidates import State
from comparisons.chains import Passes
from comparisons.explain import chain, formula_of_rows, loss_lines, passes_of
from comparisons.json_report import number
from comparisons.messages import place
from comparisons.reference import Expectation, expectations
from comparisons.report.agreement import comparable
from comparisons.report.sampling import opened_steps
from comparisons.report.status import AGREES, CARRIES, NOT_COMPARED, NOT_TOLD, WRONG, status_of
from comparisons.tally import outside, ratios, unexplained
from comparisons.trace_evidence import steps_at
from comparisons.verdict import Divergence, Result
from problems.problem import Array, Network, Problem
from problems.trace import Trace

MOST_ENTRIES = 4_000  # step × element × implementation; what an explorer of a large network leaves out
MOST_EXACT = 60  # parameters up to which the exact value of every element is computed
Element = tuple[str, tuple[int, ...]]


def chain_order(network: Network) -> list[str]:
    """Quantities from the loss backward: ∂L/∂b2, ∂L/∂W2, ∂L/∂b1, ∂L/∂W1, then the updates in the same order."""
    names = [f"{letter}{layer}" for layer in reversed(network.layers) for letter in "bW"]
    return ["loss", *(f"gradient.{name}" for name in names), *(f"parameter.{name}" for name in names)]


def shown_elements(results: Sequence[Result], network: Network, most: int) -> list[Element]:
    """Every element where they are few; else those found wrong or worst, then the first of each parameter."""
    shapes = network.parameter_shapes
    every = ((name, tuple(index)) for name, shape in shapes.items() for index in np.ndindex(shape))
    audits = [result.audit for result in results if result.audit]
    reported = [deviation for audit in audits for deviation in audit.deviations]
    reported += [quantity.worst for audit in audits for quantity in audit.quantities if quantity.worst]
    first: dict[Element, None] = {
        (one.quantity.partition(".")[2], one.index): None for one in reported if one.quantity != "loss"
    }
    first |= dict.fromkeys((name, (0, 0)) for name in shapes)
    for element in every:
        if len(first) >= most:
            break
        first[element] = None
    kept = list(first)[:most]
    return sorted(kept, key=lambda element: (list(shapes).index(element[0]), element[1]))


def explorer(problem: Problem, results: Sequence[Result]) -> dict[str, Any] | None:
    """Plain data for the script of the page; None where no trace can be opened."""
    traces = [trace for _, trace in comparable(results)]
    if not traces:
        return None
    steps = opened_steps(results, max(trace.steps for trace in traces))
    elements = shown_elements(results, problem.network, max(4, MOST_ENTRIES // (len(steps) * len(traces))))
    seen: dict[int, dict[str, Any]] = {
        step: {"step": step, "epoch": (step - 1) // problem.steps_per_epoch + 1, "by": {}} for step in steps
    }
    exact = ExactSteps(problem)
    for result, trace in comparable(results):
        for opened in _opened(result, trace, [step for step in steps if step <= trace.steps], elements, exact):
            seen[opened.pop("step")]["by"][result.label] = opened
    return {
        "names": [result.label for result, _ in comparable(results)],
        "elements": ["loss", *(place(*element) for element in elements)],
        "order": chain_order(problem.network),
        "rate": problem.optimizer.learning_rate,
        "steps": [seen[step] for step in steps],
        "open": opened_at(results, steps, elements),
        "left_out": max(trace.steps for trace in traces) - len(steps),
    }


def opened_at(results: Sequence[Result], steps: Sequence[int], elements: Sequence[Element]) -> dict[str, Any]:
    """Where the explorer opens: the first bad step of the worst implementation, at the element that is worst there."""
    wrong = sorted((one for one in results if one.audit and one.audit.deviations), key=lambda one: status_of(one).rank)
    deviations = wrong[0].audit.deviations if wrong and wrong[0].audit else ()
    wanted = [(one.quantity.partition(".")[2], one.index) for one in deviations if one.quantity != "loss"]
    step = deviations[0].step if deviations else steps[0]
    element = next((one for one in wanted if one in elements), None)
    return {
        "step": step if step in steps else steps[0],
        "element": place(*element) if element else "loss" if deviations else place(*elements[0]),
    }


class ExactSteps:
    """Exact steps by their state: implementations that agree to the last bit share one."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.known: dict[bytes, dict[str, Array]] = {}

    @property
    def affordable(self) -> bool:
        """Whether the network is small enough."""
        return self.problem.network.parameter_count <= MOST_EXACT

    def at(self, state: State) -> Mapping[str, Array]:
        """Quantity name to the float64 numbers nearest to the exact ones; empty where they are not computed."""
        finite = all(np.isfinite(values).all() for values in state.parameters.values())
        if not (self.affordable and finite):
            return {}
        key = b"".join(np.ascontiguousarray(v).tobytes() for v in (*state.parameters.values(), state.x, state.y))
        if key not in self.known:
            self.known[key] = self._computed(state)
        return self.known[key]

    def _computed(self, state: State) -> dict[str, Array]:
        step = exact_step(self.problem, state.parameters, state.x, state.y)
        values = {"loss": nearest(step.loss)}
        values |= {f"gradient.{name}": nearest(value) for name, value in step.gradients.items()}
        values |= {f"parameter.{name}": nearest(value) for name, value in step.parameters.items()}
        return values


def _opened(
    result: Result, trace: Trace, steps: Sequence[int], elements: Sequence[Element], exact: ExactSteps
) -> Iterator[dict[str, Any]]:
    rows_used = (trace.rows >= 0).sum(axis=1)
    for count in np.unique(rows_used[[step - 1 for step in steps]]):
        positions = np.array([step - 1 for step in steps if rows_used[step - 1] == count])
        judged = Opened(trace, positions, result.audit.divergence if result.audit else None)
        for at, (state, _) in enumerate(steps_at(trace, positions)):
            yield judged.record(at, state, elements, exact.at(state))


class Opened:
    """Some steps of one trace, all with equally many rows, judged as the audit judges them."""

    def __init__(self, trace: Trace, positions: Array, divergence: Divergence | None) -> None:
        self.trace, self.positions = trace, positions
        self.beyond = np.zeros(len(positions), dtype=bool) if divergence is None else divergence.covers(positions)
        self.observed = observed_at(trace, positions)
        run = PRECISIONS[trace.problem.dtype]
        self.expected, self.below = (self._expected(carried) for carried in (run, FLOAT32))

    def _expected(self, carried: Any) -> dict[str, Expectation]:
        seen = self.observed
        with np.errstate(all="ignore"):
            return expectations(seen.problem, seen.before, seen.x, seen.y, carried)

    def record(self, at: int, state: State, elements: Sequence[Element], exact: Mapping[str, Array]) -> dict[str, Any]:
        """One step: how each quantity fares, and the numbers of each element."""
        walk = {name: self.status(name, at) for name in chain_order(self.trace.problem.network)}
        passes = passes_of(self.trace.problem, state)
        first = next((name for name, words in walk.items() if words in (WRONG.words, CARRIES.words)), None)
        return {
            "step": int(self.positions[at]) + 1,
            "rows": [int(row) for row in self.trace.rows[self.positions[at]] if row >= 0],
            "walk": walk,
            "first": first,
            "loss": {"formula": loss_formula(self.trace.problem, state), "loss": self.numbers("loss", at, (), exact)},
            **{place(name, index): self.element(at, state, passes, name, index, exact) for name, index in elements},
        }

    def status(self, quantity: str, at: int) -> str:
        """How one quantity fares in the step."""
        if self.beyond[at]:
            return NOT_COMPARED.words
        actual = self.observed.actual[quantity].astype(np.float64)
        expected, below = self.expected[quantity], self.below[quantity]
        wrong = outside(actual, expected)[at]
        if wrong.any():
            still = unexplained(actual, below)[at]
            return WRONG.words if (wrong & still).any() else CARRIES.words
        return AGREES.words if expected.told[at].all() else NOT_TOLD.words

    def numbers(self, quantity: str, at: int, index: tuple[int, ...], exact: Mapping[str, Array]) -> list[Any]:
        """found, expected, exact (or null), bound, ratio of one element."""
        actual = self.observed.actual[quantity].astype(np.float64)
        expected, key = self.expected[quantity], (at, *index)
        ratio = ratios(actual, expected)[key]
        # One step's exact loss has no axis, or one of length 1.
        true = None if quantity not in exact else number(exact[quantity][index].item())
        return [number(actual[key]), number(expected.expected[key]), true, number(expected.bound[key]), number(ratio)]

    def element(
        self,
        at: int,
        state: State,
        passes: Passes,
        name: str,
        index: tuple[int, ...],
        exact: Mapping[str, Array],
    ) -> dict[str, Any]:
        """One parameter's element: the formula with this implementation's numbers, its derivative and its update."""
        return {
            "formula": derivative_formula(passes, state, name, index),
            "before": number(state.parameters[name][index]),
            "gradient": self.numbers(f"gradient.{name}", at, index, exact),
            "parameter": self.numbers(f"parameter.{name}", at, index, exact),
        }


def derivative_formula(passes: Passes, state: State, name: str, index: tuple[int, ...]) -> list[str]:
    """The derivative in letters, then the numbers of its factors where it is one product."""
    left = f"∂L/∂{place(name, index)}"
    with np.errstate(all="ignore"):
        factors = chain(passes, name, index)
        if not factors:
            return [f"{left} = {formula_of_rows(passes.problem, state, name, index)}"]
    return [
        f"{left} = {' · '.join(factor.letters for factor in factors)}",
        " · ".join(factor.numbers for factor in factors),
    ]


def loss_formula(problem: Problem, state: State) -> list[str]:
    """The loss in letters, then in numbers where it is of one row."""
    with np.errstate(all="ignore"):
        letters, *numbers = loss_lines(problem, state)
    if not numbers:
        return [letters.rpartition(" = ")[0]]
    return [letters, numbers[0].strip().removeprefix("= ").rpartition(" = ")[0]]
