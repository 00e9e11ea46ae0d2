"""What a stored trace tells beside its numbers: texts with a checksum, kept as attributes of its Zarr group."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from problems.block import TraceError
from problems.problem import Problem, ProblemError
from problems.records import problem_from_json, problem_to_json
from problems.store_columns import DAMAGED, attributes, set_attributes
from problems.trace_file import environment_from, parsed, seconds_from

FORMAT = "backproof trace 1"
TEXTS = ("format", "problem", "implementation", "environment", "arrays", "seconds")
SEAL = "sha256"


@dataclass(frozen=True, kw_only=True, eq=False)
class Told:
    """problem_text: the problem as JSON; arrays: name to SHA-256 of its description; seconds: None until it ends."""

    problem: Problem
    problem_text: str
    implementation: str
    environment: Mapping[str, str]
    arrays: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, float] | None = None


def told(problem: Problem, implementation: str, environment: Mapping[str, str] | None) -> Told:
    """What a new trace tells before its arrays are made."""
    return Told(
        problem=problem,
        problem_text=json.dumps(problem_to_json(problem)),
        implementation=implementation,
        environment=dict(environment or {}),
    )


def keep(told: Told, folder: Path) -> None:
    """Write it, whole or not at all."""
    texts = {
        "format": FORMAT,
        "problem": told.problem_text,
        "implementation": told.implementation,
        "environment": json.dumps(dict(told.environment)),
        "arrays": json.dumps(dict(told.arrays)),
        "seconds": json.dumps(None if told.seconds is None else dict(told.seconds)),
    }
    set_attributes(folder, {**texts, SEAL: sealing(texts)})


def sealing(texts: Mapping[str, Any]) -> str:
    """SHA-256 of the texts and their names."""
    return hashlib.sha256(json.dumps({key: texts.get(key) for key in TEXTS}).encode()).hexdigest()


def kept(folder: Path) -> Told:
    """What the trace in `folder` tells; raises TraceError, naming it, where there is none or it was altered."""
    texts = attributes(folder)
    if "format" not in texts or SEAL not in texts:
        raise TraceError(f"{folder}: is a Zarr group and no trace; record one with: backproof record")
    if texts[SEAL] != sealing(texts):
        raise TraceError(f"{folder / 'zarr.json'} {DAMAGED}")
    if texts["format"] != FORMAT:
        raise TraceError(f"{folder}: is a {texts['format']!r}, and this backproof reads {FORMAT!r}; update backproof")
    try:
        return _told(texts)
    except (TraceError, ProblemError) as error:
        raise TraceError(f"{folder}: {error}") from None


def _told(texts: Mapping[str, Any]) -> Told:
    seconds = parsed("seconds", texts["seconds"])
    arrays = environment_from(parsed("arrays", texts["arrays"]))
    if missing := [name for name in ("rows", "loss", "recorded") if name not in arrays]:
        raise TraceError(f"tells of no array {missing[0]!r}; record it again")
    return Told(
        problem=problem_from_json(parsed("problem", texts["problem"])),
        problem_text=texts["problem"],
        implementation=texts["implementation"],
        environment=environment_from(parsed("environment", texts["environment"])),
        arrays=arrays,
        seconds=None if seconds is None else seconds_from(seconds),
    )
