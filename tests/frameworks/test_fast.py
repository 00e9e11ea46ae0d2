"""Many steps in one call: the same steps as one by one, whatever the chunks, the batches and the orders."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from comparisons.audit import audit
from comparisons.implementations import IMPLEMENTATIONS, load
from comparisons.known_deviations import known_deviation
from comparisons.verdict import Verdict
from problems.form import KEPT
from problems.order import stacked_batches
from problems.trace import Trace
from problems.trace_file import load_trace

FAST = tuple(name for name, one in IMPLEMENTATIONS.items() if one.fast)
CASES = (
    *(f"plain-{dtype}" for dtype in ("float64", "float32", "bfloat16", "float16")),
    *(f"{case}-{dtype}" for case in ("gelu", "adam") for dtype in ("float64", "float32")),
    *("tanh-float64", "all-rows-float64", "deep-float32", "nadam-float64", "nesterov-float32"),
)
LENGTHS = {1: [1] * 9, 8: [5, 4], 9: [9], 100: [9]}  # by how many steps fit into a chunk, of 9

each_name = pytest.mark.parametrize("name", FAST)
each_case = pytest.mark.parametrize("case", CASES)


@pytest.fixture
def folder(name: str, observed_fast: Callable[[str], Path]) -> Path:
    return observed_fast(name)


@pytest.fixture
def pair(folder: Path, name: str, case: str) -> tuple[Trace, Trace]:
    """The trace of single steps, and that of many in one call."""
    if not (folder / f"{case}.npz").exists():
        assert name != "jax"
        pytest.skip("a format for storage, in JAX alone")
    return load_trace(folder / f"{case}.npz"), load_trace(folder / f"{case}-fast.npz")


def verdict(trace: Trace) -> tuple[Verdict, str | None]:
    found = audit(trace)
    return found.verdict, known_deviation(trace, found)


@each_name
@each_case
def test_verdict_and_known_deviation_are_those_of_single_steps(pair: tuple[Trace, Trace]) -> None:
    slow, fast = map(verdict, pair)
    assert fast == slow
    assert fast[0] is Verdict.AGREES or fast[1]


@each_name
@each_case
def test_names_shapes_dtypes_and_rows_are_those_of_single_steps(pair: tuple[Trace, Trace]) -> None:
    slow, fast = pair
    np.testing.assert_array_equal(fast.rows, slow.rows)
    for one, other in ((fast.gradients, slow.gradients), (fast.parameters, slow.parameters)):
        assert {name: (values.shape, values.dtype) for name, values in one.items()} == {
            name: (values.shape, values.dtype) for name, values in other.items()
        }
    assert (fast.loss.shape, fast.loss.dtype) == (slow.loss.shape, slow.loss.dtype)


@each_name
@each_case
def test_a_program_that_trained_other_numbers_makes_the_same_bits(
    folder: Path, pair: tuple[Trace, Trace], case
) -> None:
    fast, again = pair[1], load_trace(folder / f"{case}-again.npz")
    for kind in ("gradients", "parameters"):
        for name, values in getattr(fast, kind).items():
            np.testing.assert_array_equal(getattr(again, kind)[name], values, strict=True)
    np.testing.assert_array_equal(again.loss, fast.loss, strict=True)


@each_name
def test_few_programs_are_held(folder: Path) -> None:
    told = json.loads((folder / "fast.json").read_text(encoding="utf-8"))
    assert set(told["held"]) == {KEPT}


@each_name
@pytest.mark.parametrize("most", LENGTHS)
def test_trainings_of_one_form_are_compiled_once(folder: Path, most: int) -> None:
    told = json.loads((folder / "fast.json").read_text(encoding="utf-8"))
    assert told[str(most)]["traced"] > 0
    assert told[str(most)]["traced_again"] == 0


@each_name
@pytest.mark.parametrize("most", LENGTHS)
def test_any_chunks_make_the_same_steps(folder: Path, most: int) -> None:
    trace, whole = (load_trace(folder / f"chunks-{number}.npz") for number in (most, max(LENGTHS)))
    np.testing.assert_array_equal(trace.rows, stacked_batches(trace.problem))
    assert audit(trace).verdict is Verdict.AGREES
    np.testing.assert_allclose(trace.loss, whole.loss, rtol=1e-6)


@each_name
@pytest.mark.parametrize("most", LENGTHS)
def test_chunks_have_one_length_and_are_compiled_once(folder: Path, most: int) -> None:
    told = json.loads((folder / "fast.json").read_text(encoding="utf-8"))
    assert told[str(most)]["lengths"] == LENGTHS[most]
    assert told[str(most)]["traced"] == told["100"]["traced"]


@pytest.mark.parametrize("name", [name for name in IMPLEMENTATIONS if IMPLEMENTATIONS[name].by_hand])
def test_what_has_no_fast_way_trains_as_always(name: str) -> None:
    assert load(name, fast=True) is load(name)
