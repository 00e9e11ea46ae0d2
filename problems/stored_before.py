"""A trace that is there already, where one is to be recorded: it must be the beginning of the same."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from problems.block import Block, TraceError, widened
from problems.problem import Array, Problem
from problems.requirements import number_of, shown
from problems.store_columns import Column, only_begun, remove_partial
from problems.store_seal import Told
from problems.store_tables import tables
from problems.trace_store import StoredTrace, as_columns, opened
from problems.training_ways import TRAINING, trained_fast, way_label

ELSEWHERE = "name another folder, or remove this one"
MAY_DIFFER = "platform"  # a new kernel computes what the old one did


def stored_before(folder: Path, problem: Problem, told: Told, *, fast: bool | None = None) -> StoredTrace | None:
    """The trace in `folder`, which was begun and is of the same training; None where nothing is recorded.

    fast: whether many steps are taken in one call, where that is known before the environment is.
    Raises TraceError, one line naming the folder, for anything else, and has then changed nothing.
    """
    if only_begun(folder):
        return None
    stored = opened(folder, writing=True)
    for difference in (*_told_differently(stored.told, told, fast), *_other_tables(stored.problem, problem)):
        raise TraceError(f"{folder}: holds another training, {difference}; {ELSEWHERE}")
    if stored.complete:
        held = f"{number_of(stored.steps, 'step')} of {stored.problem.name} by {_trainer(stored.told)}"
        raise TraceError(f"{folder}: holds all {held} already; {ELSEWHERE}")
    remove_partial(folder)
    return stored


def _told_differently(there: Told, asked: Told, fast: bool | None) -> Iterator[str]:
    if there.implementation != asked.implementation:
        yield f"by {there.implementation} and not by {asked.implementation}"
    fast = trained_fast(asked.environment) if asked.environment else fast
    if fast is not None and fast != trained_fast(there.environment):
        yield f"by {_trainer(there)} and not by {way_label(asked.implementation, fast=fast)}"
    yield from _different("", there.settings, json.loads(json.dumps(asked.settings)))
    if asked.environment:
        environments = [{**told.environment, MAY_DIFFER: "", TRAINING: ""} for told in (there, asked)]
        yield from _ran_on(*environments)


def _trainer(told: Told) -> str:
    return way_label(told.implementation, fast=trained_fast(told.environment))


def _ran_on(there: Mapping[str, str], asked: Mapping[str, str]) -> Iterator[str]:
    """The same of what a training runs on: what compiles it, say, rounds otherwise than what does not."""
    for key in {**there, **asked}:
        if key not in there:
            yield f"recorded without {key}, and not with {key} {asked[key]}"
        elif key not in asked:
            yield f"recorded with {key} {there[key]}, and not without it"
    yield from _different("", there, asked)


def _different(where: str, there: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[str]:
    """Each key whose values differ, in words."""
    for key in {**there, **asked}:
        one, other = there.get(key), asked.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            yield from _different(f"{where}{key}.", one, other)
        elif one != other:
            yield f"whose {where}{key} is {shown(one)} and not {shown(other)}"


def _other_tables(there: Problem, asked: Problem) -> Iterator[str]:
    held = tables(there)
    for name, values in tables(asked).items():
        if not np.array_equal(held[name], values):
            yield f"with other numbers in {name}"


def require_repeated(stored: StoredTrace, begin: int, block: Block) -> None:
    """Raise TraceError unless the steps of `block`, from `begin` on, are those recorded, bit for bit."""
    there = as_columns(stored.block(begin, begin + block.steps))
    for name, values in as_columns(block).items():
        if name not in there:
            raise TraceError(f"{name} is reported, and was not when {stored.folder} was recorded")
        now, then = as_stored(name, values, stored.columns[name]), there[name]
        differs = _bits(now) != _bits(then)
        if differs.any():
            _refuse(stored, name, begin, now, then, differs)


def _refuse(stored: StoredTrace, name: str, begin: int, now: Array, then: Array, differs: Array) -> None:
    step = int(np.flatnonzero(differs.reshape(len(differs), -1).any(axis=1))[0])
    place = tuple(int(i) for i in np.argwhere(differs[step])[0]) if differs.ndim > 1 else ()
    index = f"[{','.join(map(str, place))}]" if place else ""
    raise TraceError(
        f"{stored.folder}: cannot go on, since this run does not repeat what is recorded: {name}{index} of step "
        f"{begin + step + 1} is {now[step][place]!s} now and {then[step][place]!s} there; {ELSEWHERE}"
    )


def as_stored(name: str, values: Array, column: Column) -> Array:
    """`values` as they stand in `column`; raises TraceError where that would change them, or for another shape."""
    shape, dtype = column.array.shape[1:], column.array.dtype
    if name == "rows" and values.shape[1] < shape[0]:
        values = widened(values, shape[0])
    if values.shape[1:] != shape or not np.can_cast(values.dtype, dtype, "safe"):
        raise TraceError(f"{name}: {values.dtype} of shape {values.shape[1:]}, {dtype} of shape {shape} at step 1")
    return values.astype(dtype, copy=False)


def _bits(values: Array) -> Array:
    """The numbers as whole numbers, so that NaN equals itself and 0 not -0."""
    return np.ascontiguousarray(values).view(f"u{values.dtype.itemsize}").reshape(values.shape)
