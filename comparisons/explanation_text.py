"""One training step for somebody who reads it: formula, numbers, result, from the row to the new parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from comparisons import explanation_elements as elements
from comparisons import explanation_matrices as matrices
from comparisons.explanation import Explanation, Told
from comparisons.explanation_elements import elements_backward
from comparisons.explanation_matrices import matrix
from comparisons.messages import counted, place, plain, setting
from comparisons.verdict import Verdict
from problems.problem import Array

MOST_ELEMENTS = 40  # a network with more parameters is shown as matrices
MOST_ROWS = 8
TABLE_DIGITS = 12


def explanation_text(found: Explanation) -> str:
    """The whole step, plain text."""
    return "\n".join(_lines(found))


def _lines(found: Explanation) -> Iterator[str]:
    parts: list[tuple[str, Iterator[str]]] = [("Parameters before the step", _parameters(found))]
    shown, note = (elements, "") if element_by_element(found) else (matrices, f" ({matrices.DELTAS})")
    parts += [("Forward", shown.forward(found)), ("Loss", shown.loss(found))]
    parts += [(f"Backward{note}", shown.backward(found)), ("Update", shown.update(found))]
    parts += [("The same derivatives, each implementation having trained to this step itself", _table(found))]
    parts += [("", _verdicts(found))]
    yield setting(found.problem)
    yield from _heading(found)
    for title, lines in parts:
        yield ""
        if title:
            yield title
        yield from (f"  {line}" if line else "" for line in lines)


def element_by_element(found: Explanation) -> bool:
    """Whether every derivative is a product of a few numbers: one row, one output, one hidden layer at most."""
    network = found.problem.network
    if found.problem.l2:
        return False
    elements = network.parameter_count
    return found.passes.rows == 1 and network.units[-1] == 1 and len(network.units) <= 2 and elements <= MOST_ELEMENTS


def _heading(found: Explanation) -> Iterator[str]:
    problem = found.problem
    yield f"Step {found.step:,} of {problem.steps:,}, in epoch {found.epoch:,}"
    for row in found.rows[:MOST_ROWS]:
        x = _named("x", problem.input_names, problem.x[row])
        y = _named("y", problem.target_names, problem.y[row])
        yield f"  row {row + 1}: {x} -> {y}"
    if len(found.rows) > MOST_ROWS:
        yield f"  and {counted(len(found.rows) - MOST_ROWS, 'row')} more"


def _named(letter: str, names: Sequence[str], values: Array) -> str:
    if len(values) > MOST_ROWS:
        return f"{letter} = {matrix(values)}"
    numbered = [f"{letter}{k}" if len(values) > 1 or letter == "x" else letter for k in range(1, len(values) + 1)]
    called = [f"{n} ({plain(name)})" for n, name in zip(numbered, names, strict=True)] if names else numbered
    return ", ".join(f"{name} = {value:.6g}" for name, value in zip(called, values, strict=True))


def _parameters(found: Explanation) -> Iterator[str]:
    for name, values in found.state.parameters.items():
        yield f"{name} = {matrix(values)}"


def _table(found: Explanation) -> Iterator[str]:
    """One row per derivative, one column for all implementations that print alike."""
    every = list(elements_backward(found.problem.network))
    shown = every[:MOST_ELEMENTS]
    columns: dict[tuple[str, ...], list[str]] = {}
    for told in found.told:
        if told.gradients is not None:
            cells = tuple(_cell(told.gradients[name][index]) for name, index in shown)
            columns.setdefault(cells, []).append(told.name)
    height = max(len(names) for names in columns.values())
    heads = [[""] * (height - len(names)) + names for names in columns.values()]
    lines = [["", *(head[line] for head in heads)] for line in range(height)]
    for number, (name, index) in enumerate(shown):
        lines.append([f"∂L/∂{place(name, index)}", *(cells[number] for cells in columns)])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        numbers = (f"{cell:>{width}}" for cell, width in zip(line[1:], widths[1:], strict=True))
        yield "  ".join([f"{line[0]:<{widths[0]}}", *numbers]).rstrip()
    if len(every) > len(shown):
        yield f"and {len(every) - len(shown):,} more"


def _cell(value: float) -> str:
    return f"{float(value) + 0.0:.{TABLE_DIGITS}g}"  # + 0.0: a zero without a sign


def _verdicts(found: Explanation) -> Iterator[str]:
    width = max(len(told.name) for told in found.told)
    for told in found.told:
        yield f"{told.name:<{width}}  {told.verdict}: {_finding(told)}"


def _finding(told: Told) -> str:
    if told.reason:
        return plain(told.reason)
    if told.diverged_at is not None:
        return (
            "nothing to compare: the training diverges, "
            f"and from step {told.diverged_at} on right values are too large for its dtype; look at an earlier step"
        )
    if not told.finite:
        return "not every number of this step is finite: the training has diverged, look at an earlier step"
    if told.verdict is Verdict.AGREES:
        return f"all {told.compared:,} numbers of this step are what the formulas say, within rounding"
    less = "; all are within the bound of float32" if told.carries_less else ""
    which = "everything" if told.quantities == len(told.wrong) else ", ".join(told.wrong)
    known = f"; known deviation: {told.known_deviation}" if told.known_deviation else ""
    return f"outside the bound: {which}{less}{known}"
