"""What is known of one deviation of one library."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from comparisons.arithmetic.precision import Precision
from manual.routes import Route
from problems.problem import Problem


@dataclass(frozen=True, kw_only=True)
class KnownDeviation:
    """carries: the precision computed in instead of a higher one; route: the loss computed instead, in a precision;
    problem: the problem that is trained instead, of the same data and optimizer;
    concerns: the problems that meet it; reproduction: Python lines that print `True` while the deviation exists;
    environment: what they run under."""

    implementation: str
    text: str
    seen_with: str
    reproduction: str
    concerns: Callable[[Problem], bool]
    carries: Precision | None = None
    route: Callable[[Precision], Route] | None = None
    problem: Callable[[Problem], Problem] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
