"""A program as the text of a Python function over single numbers: one training after another step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from manual.recording.program import RATE, Program
from manual.recording.tape import INPUT, NUMBER, Line

OPERATORS = {
    "add": "({} + {})",
    "subtract": "({} - {})",
    "multiply": "({} * {})",
    "divide": "({} / {})",
    "negative": "(-{})",
    "maximum": "({0} if {0} >= {1} or {0} != {0} else {1})",
    "minimum": "({0} if {0} <= {1} or {0} != {0} else {1})",
}


def spelled(line: Line, operands: Sequence[str]) -> str:
    """One operation in Python's operators, or as a call of the function of its name."""
    if line.operation in OPERATORS:
        return OPERATORS[line.operation].format(*operands)
    return f"{line.operation}({', '.join(operands)})"


def spelled_step(program: Program) -> tuple[list[str], dict[int, str]]:
    """The statements of a step, and what its numbers are called; what is used once stands where it is used."""
    results = (program.loss, *program.gradients, *program.after)
    order = program.order(results)
    uses = Counter(operand for place in order for operand in _spelled_operands(program.lines[place]))
    names = {place: line.text for place, line in enumerate(program.lines) if line.operation == INPUT}
    names |= {place: f"c{place}" for place, line in enumerate(program.lines) if line.operation == NUMBER}
    statements = []
    for place in order:
        line = program.lines[place]
        text = spelled(line, [names[operand] for operand in line.operands])
        if uses[place] > 1 or place in results:
            statements.append(f"t{place} = {text}")
            text = f"t{place}"
        names[place] = text
    return statements, names


def _spelled_operands(line: Line) -> list[int]:
    """The operands of a line, each as often as it stands in its text."""
    text = spelled(line, [f"<{operand}>" for operand in line.operands])
    return [operand for operand in {*line.operands} for _ in range(text.count(f"<{operand}>"))]


def spelled_training(program: Program) -> str:
    """The function `steps(rows, parameters, rate, found)`, in which x and y of step k are `rows[k]`.

    It puts loss, gradients and parameters of step k in `found[k]`. It uses `number`, which makes numbers of the right
    kind, and the functions of the step, such as `exp`.
    """
    statements, names = spelled_step(program)
    numbers = [(place, line.text) for place, line in enumerate(program.lines) if line.operation == NUMBER]
    given = [f"{name} = rows[k][{column}]" for column, name in enumerate((*program.x, *program.y))]
    after = ", ".join(names[place] for place in program.after)
    found = ", ".join(names[place] for place in (program.loss, *program.gradients))
    parameters = ", ".join(program.parameters)
    inner = [*given, *statements, f"found[k] = ({found}, {after})", f"{parameters} = {after}"]
    outer = [*(f"c{place} = number({text})" for place, text in numbers), f"{parameters} = parameters"]
    return "\n".join(
        [
            f"def steps(rows, parameters, {RATE}, found):",
            *(f"    {line}" for line in outer),
            "    for k in range(len(rows)):",
            *(f"        {line}" for line in inner),
        ]
    )
