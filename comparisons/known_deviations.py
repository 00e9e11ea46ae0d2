"""Deviations of released frameworks that the audit found, with the evidence and how to see them for oneself.

A known deviation stays a disagreement. It carries its text, and does not by itself fail a run unless --strict.
tests/comparisons/test_known_deviations.py runs each reproduction, and fails when the deviation is gone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from comparisons.verdict import Audit, Verdict
from problems.trace import Trace


@dataclass(frozen=True, kw_only=True)
class KnownDeviation:
    """applies: whether what the audit found is this deviation and nothing more;
    reproduction: Python lines that print `True` while the deviation exists; environment: what they run under."""

    implementation: str
    text: str
    seen_with: str
    reproduction: str
    environment: dict[str, str]
    applies: Callable[[Trace, Audit], bool]


def _carries_float32(trace: Trace, audit: Audit) -> bool:
    return trace.problem.dtype == "float64" and audit.carries == "float32" and not audit.faults


KNOWN_DEVIATIONS = (
    KnownDeviation(
        implementation="keras-torch",
        text="keras.ops.matmul on Keras's torch backend multiplies float64 matrices in float32",
        seen_with="keras 3.15.1, torch 2.13.0",
        reproduction=(
            "import keras, torch; one = torch.ones((1, 1), dtype=torch.float64)\n"
            "print(keras.ops.matmul(one, one).dtype == torch.float32)"
        ),
        environment={"KERAS_BACKEND": "torch"},
        applies=_carries_float32,
    ),
)


def known_deviation(trace: Trace, audit: Audit) -> str | None:
    """The text of the known deviation that explains all that `audit` found wrong, or None."""
    if audit.verdict is not Verdict.DISAGREES:
        return None
    for known in KNOWN_DEVIATIONS:
        if known.implementation == trace.implementation and known.applies(trace, audit):
            return f"{known.text} (seen with {known.seen_with})"
    return None
