"""The penalty's part of a gradient, l2 · W, made wrongly."""

from __future__ import annotations

from collections.abc import Iterator

from comparisons.chains import Factor
from comparisons.variant import Variant
from problems.problem import Problem


def penalty_variants(problem: Problem, name: str) -> Iterator[Variant]:
    """What the penalty adds to ∂L/∂name; to a bias it adds nothing."""
    if not problem.l2:
        return

    def part(mistake: str, text: str, factor: Factor) -> Variant:
        return Variant(site="penalty", mistake=mistake, text=text, factor=factor)

    l2 = problem.l2
    if name.startswith("b"):
        yield part(
            "wrong-loss", f"with the penalty's part l2 · {name} added: biases have none", lambda p: l2 * p.before[name]
        )
        return
    yield part("missing-term", f"without the penalty's part l2 · {name}", lambda p: 0 * p.before[name])
    yield part("sign", f"with the penalty's part l2 · {name} subtracted", lambda p: -l2 * p.before[name])
    yield part(
        "factor", f"with 2 · l2 · {name} for the penalty's part: its ½ is missing", lambda p: 2 * l2 * p.before[name]
    )
    yield part("factor", f"with ½ · l2 · {name} for the penalty's part", lambda p: 0.5 * l2 * p.before[name])
    if min(problem.batch_size, len(problem.x)) > 1:
        yield part(
            "reduction",
            f"with the penalty's part l2 · {name} divided by the number of rows",
            lambda p: l2 * p.before[name] / p.rows,
        )
    yield part(
        "learning-rate",
        f"with the penalty's part l2 · {name} not multiplied by the learning rate",
        lambda p: l2 * p.before[name] / p.learning_rate,
    )
