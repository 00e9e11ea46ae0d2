"""The drift of a comparison as plain values for report.json: each curve as the steps kept of it and their distances."""

from __future__ import annotations

from typing import Any

import numpy as np

from comparisons.json_report import number
from comparisons.report.drift import Drifts
from comparisons.report.sampling import extremes
from problems.problem import Array

BUCKETS = 200  # every step of a training of up to 400; of a longer one the extremes of each stretch


def drift_record(found: Drifts) -> dict[str, Any]:
    """followed, bound, from_exact by name, between by two groups of names, alike: who has the same parameters."""
    return {
        "followed": found.followed,
        "bound": curve(found.bound),
        "from_exact": [{"name": one.implementation} | curve(one.distance) for one in found.exact],
        "between": [
            {"one": list(pair.one), "other": list(pair.other)} | curve(pair.distance) for pair in found.between
        ],
        "alike": [list(names) for names in found.alike],
    }


def curve(values: Array) -> dict[str, Any]:
    """steps, from 1, and the distance after each."""
    kept = extremes(values, BUCKETS) if len(values) else np.arange(0)
    return {"steps": (kept + 1).tolist(), "distance": [number(value) for value in values[kept]]}
