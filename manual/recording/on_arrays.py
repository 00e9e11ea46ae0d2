"""A program as the text of a Python function over arrays: many trainings at once, one along each place of an axis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from manual.recording.program import RATE, Program
from manual.recording.tape import INPUT, NUMBER, Line

# These make arrays of another dtype than their operands or take no array to write to: they make a new one.
NEW = frozenset({"where", "greater", "greater_equal", "less", "less_equal", "equal", "not_equal"})


class Buffers:
    """Which array each number of a step is written to: one that holds nothing any more.

    A parameter after the step is written over the one before, as soon as nothing needs that. What does not vary along
    the ensemble is no array.
    """

    def __init__(self, program: Program, kept: Sequence[int]) -> None:
        """kept: the results that are kept of every step, in arrays k0, k1, ..."""
        self.lines, self.order = program.lines, program.order((*program.after, *kept))
        self.last_use = {operand: place for place in self.order for operand in self.lines[place].operands}
        self.kept = [(place, f"k{column}") for column, place in enumerate(kept)]
        self.names: dict[int, str] = {}
        self.varying: set[int] = set()
        self.count = 0
        self._free: list[str] = []
        self._after = list(zip(program.after, program.parameters, strict=True))
        self._own = {**dict(self._after), **dict(self.kept)}
        self._inputs = {line.text: place for place, line in enumerate(self.lines) if line.operation == INPUT}
        self._name_what_is_given(program)

    def _name_what_is_given(self, program: Program) -> None:
        self.names = {place: name for name, place in self._inputs.items()}
        self.names |= {place: f"c{place}" for place, line in enumerate(self.lines) if line.operation == NUMBER}
        self.varying = {self._inputs[name] for name in (*program.parameters, RATE) if name in self._inputs}

    def statements(self) -> Iterator[str]:
        """The statements of one step."""
        for place in self.order:
            yield self._statement(place, self.lines[place])
        for place, name in (*self.kept, *self._after):
            if self.names[place] != name:
                yield f"copyto({name}, {self.names[place]})"

    def _statement(self, place: int, line: Line) -> str:
        given = ", ".join(self.names[operand] for operand in line.operands)
        if not self.varying.isdisjoint(line.operands):
            self.varying.add(place)
        if line.operation in NEW or place not in self.varying:
            self.names[place] = f"t{place}"
            return f"t{place} = {line.operation}({given})"
        for operand in {*line.operands}:
            self._release(operand, place)
        self.names[place] = self._target(place)
        return f"{line.operation}({given}, out={self.names[place]})"

    def _release(self, operand: int, place: int) -> None:
        name = self.names[operand]
        if self.last_use[operand] == place and name.startswith("s") and operand not in self._own:
            self._free.append(name)

    def _target(self, place: int) -> str:
        """The array that the result of this line goes to."""
        name = self._own.get(place)
        if name and self.last_use.get(self._inputs.get(name, -1), -1) <= place:
            return name
        if self._free:
            return self._free.pop()
        self.count += 1
        return f"s{self.count - 1}"


def array_training(program: Program, *, gradients: bool) -> tuple[str, int]:
    """The function `steps(rows, parameters, rate, kept, scratch)` and how many rows `scratch` must have.

    x and y of step k are `rows[k]`; `parameters` (numbers, members) are updated in place; rate (members,). Loss, and
    gradients where they are asked for, of step k are put in `kept[k]` (1 + numbers, members). It uses `number`, which
    makes numbers of the right kind, and NumPy's functions.
    """
    wanted = (program.loss, *program.gradients) if gradients else (program.loss,)
    buffers = Buffers(program, wanted)
    statements = list(buffers.statements())
    kept = "".join(f"{name}, " for _, name in buffers.kept)
    numbers = [
        f"c{place} = number({line.text})" for place, line in enumerate(program.lines) if line.operation == NUMBER
    ]
    scratch = [f"s{row} = scratch[{row}]" for row in range(buffers.count)]
    parameters = f"{', '.join(program.parameters)}, = parameters"
    given = f"{', '.join((*program.x, *program.y))}, = rows[k]"
    inner = [given, f"{kept}= kept[k]", *statements]
    text = "\n".join(
        [
            f"def steps(rows, parameters, {RATE}, kept, scratch):",
            *(f"    {line}" for line in (*numbers, parameters, *scratch)),
            "    for k in range(len(rows)):",
            *(f"        {line}" for line in inner),
        ]
    )
    return text, buffers.count
