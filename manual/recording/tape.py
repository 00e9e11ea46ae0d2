"""What was done to numbers, written down: one operation a line, the same operation on the same operands once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

INPUT, NUMBER = "input", "number"


class Line(NamedTuple):
    """`operation`, by the name of its ufunc, on what the lines at the places `operands` say.

    An `input` has the name `text`, a `number` the digits `text`, which read back to the same float64.
    """

    operation: str
    operands: tuple[int, ...] = ()
    text: str = ""


class Tape:
    """Lines in the order they were first written."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._places: dict[Line, int] = {}

    def write(self, line: Line) -> int:
        """The place of `line`; one that was written before stays where it is."""
        if line not in self._places:
            self._places[line] = len(self.lines)
            self.lines.append(line)
        return self._places[line]

    def input(self, name: str) -> int:
        """The place of a number that is given."""
        return self.write(Line(INPUT, text=name))

    def number(self, value: float) -> int:
        """The place of a number that stands in the formula."""
        return self.write(Line(NUMBER, text=repr(float(value))))

    def operation(self, name: str, operands: tuple[int, ...]) -> int:
        """The place of what the ufunc `name` makes of the operands.

        What is the same number to the last bit in NumPy's arrays is written in one way: a² as a · a, a · 1 as a and
        a⁰ as 1.
        """
        one = self._places.get(Line(NUMBER, text="1.0"))
        exponent = self.lines[operands[1]].text if name == "power" else ""
        if name in ("_ones_like", "ones_like") or exponent == "0.0":
            return self.number(1)
        if name == "square" or exponent == "2.0":
            return self.write(Line("multiply", (operands[0], operands[0])))
        if name == "multiply" and one in operands:
            return operands[0] if operands[1] == one else operands[1]
        return self.write(Line(name, operands))


def needed(lines: Iterable[Line], results: Iterable[int]) -> Iterator[int]:
    """The places that `results` come from, themselves included, in order."""
    lines, wanted = tuple(lines), set(results)
    for place in reversed(range(len(lines))):
        if place in wanted:
            wanted.update(lines[place].operands)
    return iter(sorted(wanted))
