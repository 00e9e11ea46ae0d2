"""Two small functions whose derivatives are known: x² + x, and x² + y²."""

from __future__ import annotations

from typing import Any

AT = 5.0
RUNS = (1.0, 0.1, 0.01, 0.001)
START, RATE, STEPS = (3.0, -2.0), 0.1, 20


def slopes_page() -> dict[str, Any]:
    """The rate of change of x² + x at 5 over shorter and shorter runs, and a descent on x² + y²."""
    return {
        "at": AT,
        "value": parabola(AT),
        "slope": 2 * AT + 1,
        "secants": [[run, parabola(AT + run), (parabola(AT + run) - parabola(AT)) / run] for run in RUNS],
        "rate": RATE,
        "bowl": bowl_path(),
    }


def parabola(x: float) -> float:
    """x² + x, whose derivative is 2x + 1."""
    return x * x + x


def bowl_path() -> list[list[float]]:
    """x, y and x² + y² along a descent; the gradient is (2x, 2y)."""
    x, y = START
    path = [[x, y, x * x + y * y]]
    for _ in range(STEPS):
        x, y = x - RATE * 2 * x, y - RATE * 2 * y
        path.append([x, y, x * x + y * y])
    return path
