"""Why the classification begins with ŷ − y: each line of the page, read from the page, holds by SymPy."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest
import sympy

from comparisons.lesson.page import TEMPLATE, part
from manual.losses import binary_cross_entropy

PAGE = part(TEMPLATE)
(ARTICLE,) = re.findall(r'<article id="simplification">(.*?)</article>', PAGE, re.DOTALL)
LINES = re.findall(r'<li><span class="formula">(.*?)</span> <span>', ARTICLE)
LOSS = ARTICLE.partition("the loss L = ")[2].partition(". ")[0]
SIGMOID = PAGE.partition("σ(z) = ")[2].partition(", which")[0]
WRITTEN = ((r"log ŷ", "log(ŷ)"), (r"<sup>(.*?)</sup>", r"^(\1)"), ("²", "^2"), ("−", "-"), ("·", "*"))
TOKEN = re.compile(r"∂\w/∂\w|\w+|[-+*/^()]")
FUNCTIONS = ("log",)
Y, Z, Y_HAT = sympy.symbols("y z yhat", real=True)


def tokens(text: str) -> list[str]:
    """The formula's tokens, with the multiplication signs that are not written."""
    for written, plain in WRITTEN:
        text = re.sub(written, plain, text)
    found = TOKEN.findall(text)
    assert "".join(found) == "".join(text.split()), f"not understood: {text}"
    spelled = [found[0]]
    for before, after in pairwise(found):
        adjacent = before not in "-+*/^(" and after not in "-+*/^)" and before not in FUNCTIONS
        spelled += ["*", after] if adjacent else [after]
    return spelled


def known() -> dict[str, sympy.Expr]:
    """What a name on the page stands for; the derivatives are SymPy's own, all of them in z."""
    names = {"y": Y, "z": Z, "ŷ": Y_HAT, "e": sympy.E, "log": sympy.log}
    loss, sigmoid = evaluated(LOSS, names), evaluated(SIGMOID, names)
    return names | {
        "ŷ": sigmoid,
        "∂L/∂ŷ": sympy.diff(loss, Y_HAT).subs(Y_HAT, sigmoid),
        "∂ŷ/∂z": sympy.diff(sigmoid, Z),
        "∂L/∂z": sympy.diff(loss.subs(Y_HAT, sigmoid), Z),
    }


def evaluated(text: str, names: dict[str, sympy.Expr]) -> sympy.Expr:
    """A formula of the page as SymPy has it."""
    stand_ins = {name: f"name_{place}" for place, name in enumerate(names)}
    python = " ".join(stand_ins.get(token, token) for token in tokens(text)).replace("^", "**")
    return sympy.sympify(python, locals={stand_ins[name]: value for name, value in names.items()})


def sides(lines: list[str]) -> list[tuple[str, str]]:
    """Every two sides of an = on the page; a line that begins with = continues the one before."""
    found: list[tuple[str, str]] = []
    for line in lines:
        first, *others = re.split(r"(?:^| )= ", line)
        found += pairwise([first or found[-1][1], *others])
    return found


def holds(left: str, right: str) -> bool:
    """Whether two sides are the same for every z and y."""
    names = known()
    return bool(sympy.simplify(evaluated(left, names) - evaluated(right, names)) == 0)


def test_every_line_of_the_derivation_is_read():
    assert len(LINES) == ARTICLE.count("<li>") == 7
    assert sides(LINES)[-1][1] == "ŷ − y"
    assert sum(line.count("=") for line in LINES) == len(sides(LINES))


@pytest.mark.parametrize(("left", "right"), sides(LINES))
def test_line_holds(left, right):
    assert holds(left, right)


def mistaken() -> list[tuple[str, str]]:
    """Each right side with one sign of it wrong, in every way that there is."""
    wrong = (("−", "+"), ("+", "−"), ("ŷ", "y"), (" / ", " · "))
    return [
        (left, right.replace(sign, other, 1)) for left, right in sides(LINES) for sign, other in wrong if sign in right
    ]


@pytest.mark.parametrize(("left", "right"), [one for one in mistaken() if "∂" not in one[1]])
def test_mistake_in_a_line_is_noticed(left, right):
    assert not holds(left, right)


def test_loss_of_the_derivation_is_that_of_manual():
    loss = sympy.lambdify((Y, Y_HAT), evaluated(LOSS, {"y": Y, "ŷ": Y_HAT, "log": sympy.log}))
    for y, y_hat in ((0.0, 0.3), (1.0, 0.3), (0.25, 0.8)):
        assert loss(y, y_hat) == pytest.approx(float(binary_cross_entropy(np.array([[y]]), np.array([[y_hat]]))))


def test_sign_of_multiplication_need_not_be_written():
    assert tokens("y log ŷ (1 − ŷ) e<sup>−z</sup>") == [
        *("y", "*", "log", "(", "ŷ", ")", "*", "(", "1", "-", "ŷ", ")", "*", "e", "^", "(", "-", "z", ")")
    ]
