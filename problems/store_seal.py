"""What a stored trace tells beside its numbers: texts with a checksum, kept as attributes of its Zarr group."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from problems.block import TraceError
from problems.problem import ProblemError
from problems.store_checksums import DAMAGED
from problems.store_columns import attributes, set_attributes
from problems.trace_file import environment_from, parsed, seconds_from

FORMAT = "backproof trace 2"
UNPLACED = "backproof trace 1"  # of which nothing tells which chunk stands where
TEXTS = ("format", "settings", "implementation", "environment", "arrays", "seconds")
SEAL = "sha256"
NEEDED = ("rows", "loss", "recorded", "x", "y")


@dataclass(frozen=True, kw_only=True, eq=False)
class Told:
    """settings: the problem without its tables, as JSON values; arrays: name to SHA-256 of its description.

    seconds: None until the training ends. placed: whether checksums tell which chunk stands where.
    """

    settings: Mapping[str, Any]
    implementation: str
    environment: Mapping[str, str]
    arrays: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, float] | None = None
    placed: bool = True


def keep(told: Told, folder: Path) -> None:
    """Write it, whole or not at all."""
    values = (told.settings, told.environment, told.arrays, told.seconds)
    settings, environment, arrays, seconds = (json.dumps(value) for value in values)
    form = FORMAT if told.placed else UNPLACED
    texts = dict(zip(TEXTS, (form, settings, told.implementation, environment, arrays, seconds), strict=True))
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
    if texts["format"] not in (UNPLACED, FORMAT):
        raise TraceError(f"{folder}: is a {texts['format']!r}, and this backproof reads {FORMAT!r}; update backproof")
    try:
        return _told(texts)
    except (TraceError, ProblemError) as error:
        raise TraceError(f"{folder}: {error}") from None


def _told(texts: Mapping[str, Any]) -> Told:
    seconds = parsed("seconds", texts["seconds"])
    arrays = environment_from(parsed("arrays", texts["arrays"]))
    if missing := [name for name in NEEDED if name not in arrays]:
        raise TraceError(f"tells of no array {missing[0]!r}; record it again")
    return Told(
        settings=parsed("settings", texts["settings"]),
        implementation=texts["implementation"],
        environment=environment_from(parsed("environment", texts["environment"])),
        arrays=arrays,
        seconds=None if seconds is None else seconds_from(seconds),
        placed=texts["format"] != UNPLACED,
    )
