"""What is written down: the same operation on the same operands once, and what results come from."""

from __future__ import annotations

import pytest

from manual.recording.tape import Line, Tape, needed


@pytest.fixture
def tape():
    return Tape()


def test_the_same_operation_on_the_same_operands_is_written_once(tape):
    a, b = tape.input("a"), tape.input("b")
    assert tape.operation("add", (a, b)) == tape.operation("add", (a, b))
    assert tape.operation("add", (a, b)) != tape.operation("add", (b, a))
    assert tape.operation("add", (a, b)) != tape.operation("subtract", (a, b))
    assert len(tape.lines) == 5


def test_numbers_read_back_to_the_same_number_and_zero_keeps_its_sign(tape):
    for value in (0.1, 5e-324, 1e308, -0.0):
        text = tape.lines[tape.number(value)].text
        assert float(text).hex() == value.hex()
    assert tape.number(0.0) != tape.number(-0.0)
    assert tape.number(1) == tape.number(1.0)


def test_a_square_is_a_product(tape):
    a = tape.input("a")
    product = tape.operation("multiply", (a, a))
    assert tape.operation("square", (a,)) == product
    assert tape.operation("power", (a, tape.number(2))) == product
    assert tape.operation("power", (a, tape.number(3))) != product


def test_the_power_zero_is_one_and_a_product_with_one_nothing(tape):
    a = tape.input("a")
    assert tape.operation("power", (a, tape.number(0))) == tape.number(1)
    assert tape.operation("_ones_like", (a,)) == tape.number(1)
    assert tape.operation("multiply", (a, tape.number(1))) == a
    assert tape.operation("multiply", (tape.number(1), a)) == a
    assert tape.operation("multiply", (a, tape.number(-1))) != a


def test_only_what_results_come_from_is_needed():
    lines = [Line("input"), Line("input", text="b"), Line("exp", (0,)), Line("exp", (1,)), Line("log", (2,))]
    assert list(needed(lines, [4])) == [0, 2, 4]
    assert list(needed(lines, [2, 3])) == [0, 1, 2, 3]
