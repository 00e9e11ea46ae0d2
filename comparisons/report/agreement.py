"""Who agrees with whom: per quantity, implementations whose numbers are the same to the last bit in every step."""

from __future__ import annotations

from collections.abc import Sequence

from comparisons.audit import actual_values
from comparisons.verdict import Result
from problems.trace import Trace

SHARED = (
    ({"torch", "keras-torch"}, "torch and keras-torch run the same torch kernels"),
    ({"jax", "keras-jax"}, "jax and keras-jax are compiled by the same XLA"),
    ({"manual-scalar", "manual-matrix"}, "manual-scalar and manual-matrix stand side by side in this project"),
)


def comparable(results: Sequence[Result]) -> list[tuple[Result, Trace]]:
    """The results whose trace has the shapes that the problem asks for."""
    return [(result, result.trace) for result in results if result.trace and result.audit and result.audit.quantities]


def compared(results: Sequence[Result]) -> list[Result]:
    """The same where their traces were not kept too."""
    return [result for result in results if result.audit and result.audit.quantities]


def groups(results: Sequence[Result]) -> dict[str, list[list[str]]]:
    """Quantity name to groups of implementations with identical numbers, the largest group first."""
    found: dict[str, dict[bytes, list[str]]] = {}
    for result, trace in comparable(results):
        for quantity, values in actual_values(trace).items():
            found.setdefault(quantity, {}).setdefault(values.tobytes(), []).append(result.label)
    return {quantity: sorted(alike.values(), key=len, reverse=True) for quantity, alike in found.items()}


def grouped_alike(results: Sequence[Result]) -> list[dict[str, object]]:
    """The groups, with quantities that fall into the same ones together."""
    rows: dict[tuple[tuple[str, ...], ...], list[str]] = {}
    for quantity, alike in groups(results).items():
        rows.setdefault(tuple(map(tuple, alike)), []).append(quantity)
    return [
        {"quantities": quantities, "groups": [list(names) for names in alike]} for alike, quantities in rows.items()
    ]


def shared_notes(results: Sequence[Result]) -> list[str]:
    """Which of the implementations share code, so that their agreeing is one witness and not two."""
    present = {result.name for result, _ in comparable(results)}
    return [f"{text}: their agreeing is one witness, not two" for names, text in SHARED if names <= present]
