"""Comparisons as one JSON object, in the fixed schema."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from comparisons.implementations import IMPLEMENTATIONS, missing_packages
from comparisons.implementations import version as installed_version
from comparisons.messages import divergence_note
from comparisons.verdict import Audit, BlindSpots, Comparison, Deviation, Diagnosis, Result, Stop

SCHEMA = 1


def as_json(comparisons: Sequence[Comparison], more: Sequence[Mapping[str, Any]] | None = None) -> str:
    """The JSON text: floats read back to the same float64; NaN and infinity are "nan", "inf", "-inf".

    more: for each comparison, the fields that stand beside its own.
    """
    records = [comparison_record(comparison) for comparison in comparisons]
    for record, fields in zip(records, more or (), strict=more is not None):
        record |= fields
    used = {device(result) for comparison in comparisons for result in comparison.results}
    ran_on = environment() | {"devices": sorted(name for name in used if name)}
    document = {"schema": SCHEMA, "environment": ran_on, "comparisons": records}
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def environment() -> dict[str, Any]:
    """Versions and platform; frameworks are not imported to find out."""
    versions = {name: installed_version(name) for name in IMPLEMENTATIONS if not missing_packages(name)}
    return {"python": platform.python_version(), "platform": platform.platform(), "implementations": versions}


def comparison_record(comparison: Comparison) -> dict[str, Any]:
    """One problem with its implementations."""
    problem = comparison.problem
    return {
        "problem": problem.name,
        "steps": problem.steps,
        "dtype": problem.dtype,
        "start": problem.start,
        "order": problem.order,
        "until_converged": stop_record(comparison.stop),
        "blind_spots": blind_spots_record(comparison.blind_spots),
        "implementations": [result_record(result) for result in comparison.results],
    }


def blind_spots_record(spots: BlindSpots | None) -> dict[str, Any] | None:
    """What the comparison could not have noticed."""
    if spots is None:
        return None
    return {"hidden": list(spots.hidden), "looked_at": spots.looked_at, "causes": list(spots.causes)}


def stop_record(stop: Stop | None) -> dict[str, Any] | None:
    """After how many epochs the training ended by itself, or that it came to its cap; None where it was not to."""
    if stop is None:
        return None
    return {
        "tolerance": number(stop.tolerance),
        "converged": stop.converged,
        "epochs": stop.problem.epochs,
        "cap": stop.cap,
    }


def result_record(result: Result) -> dict[str, Any]:
    """One implementation."""
    audit = result.audit
    return {
        "name": result.name,
        "version": result.version,
        "device": device(result),
        "fast": result.fast,
        "verdict": str(result.verdict),
        "carries": audit.carries if audit else None,
        "reason": result.reason,
        "known_deviation": result.known_deviation,
        "epochs": [number(loss) for loss in result.epochs],
        "final": {name: numbers(values.tolist()) for name, values in result.final.items()},
        "worst": deviation_record(audit.worst) if audit and audit.worst else None,
        "deviations": [deviation_record(deviation) for deviation in audit.deviations] if audit else [],
        "diagnosis": [diagnosis_record(diagnosis) for diagnosis in result.diagnoses],
        "audited": audit.audited if audit else 0,
        "compared": audit.compared if audit else 0,
        "not_told": audit.not_told if audit else 0,
        "not_compared": audit.not_compared if audit else 0,
        "divergence": divergence_record(result),
        "quantities": quantity_records(audit) if audit else [],
        "seconds": {part: result.seconds.get(part) for part in ("import", "train", "audit")},
    }


def device(result: Result) -> str | None:
    """What it trained on, where that is told."""
    return result.environment.get("device")


def divergence_record(result: Result) -> dict[str, Any] | None:
    """From which step on right values are too large to be compared, and that in words."""
    found = result.audit.divergence if result.audit else None
    if found is None:
        return None
    return {"step": found.step, "quantities": list(found.quantities), "note": divergence_note(result)}


def diagnosis_record(diagnosis: Diagnosis) -> dict[str, Any]:
    """Why one element is wrong."""
    return {
        "parameter": diagnosis.parameter,
        "index": list(diagnosis.index),
        "mistakes": list(diagnosis.mistakes),
        "explanation": diagnosis.explanation,
        "of": diagnosis.of,
        "alternatives": [list(mistakes) for mistakes in diagnosis.alternatives],
    }


def quantity_records(audit: Audit) -> list[dict[str, Any]]:
    """Every quantity over all steps."""
    return [
        {
            "quantity": quantity.name,
            "carries": quantity.carries,
            "compared": quantity.compared,
            "not_told": quantity.not_told,
            "wrong": quantity.wrong,
            "worst": deviation_record(quantity.worst) if quantity.worst else None,
        }
        for quantity in audit.quantities
    ]


def deviation_record(deviation: Deviation) -> dict[str, Any]:
    """One element of one step."""
    return {
        "quantity": deviation.quantity,
        "step": deviation.step,
        "index": list(deviation.index),
        "expected": number(deviation.expected),
        "actual": number(deviation.actual),
        "bound": number(deviation.bound),
        "ratio": number(deviation.ratio),
        "wrong": deviation.wrong,
        "elements": deviation.elements,
    }


def numbers(values: Any) -> Any:
    """Nested lists with every number as `number` has it."""
    return [numbers(value) for value in values] if isinstance(values, Iterable) else number(values)


def number(value: float) -> float | str:
    """The float itself, or its name where JSON has none."""
    value = float(value)
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return value
