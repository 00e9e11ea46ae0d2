"""The JSON of formats.md: every field, its type, and numbers that read back."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from comparisons.audit import audit
from comparisons.compare import compare, judged_trace, not_installed
from comparisons.epochs import epoch_losses
from comparisons.json_report import as_json, numbers
from comparisons.verdict import Comparison, Diagnosis, Result, Verdict
from manual.train import train
from problems.catalogue import named_problem
from problems.trace import Trace

NUMBER = (float, int)
NUMBER_OR_NAME = (float, int, str)
IMPLEMENTATION = {
    "name": str,
    "version": (str, type(None)),
    "verdict": str,
    "carries": (str, type(None)),
    "reason": (str, type(None)),
    "known_deviation": (str, type(None)),
    "epochs": list,
    "final": dict,
    "worst": (dict, type(None)),
    "deviations": list,
    "diagnosis": list,
    "not_told": int,
    "seconds": dict,
}
DEVIATION = {
    "quantity": str,
    "step": int,
    "index": list,
    "expected": NUMBER_OR_NAME,
    "actual": NUMBER_OR_NAME,
    "bound": NUMBER_OR_NAME,
    "ratio": NUMBER_OR_NAME,
}


def right() -> Trace:
    """A right trace of the regression problem."""
    problem = named_problem("regression")
    return Trace.record(problem, train(problem), implementation="manual-matrix")


def with_loss(value: float) -> Trace:
    """A trace whose third loss is `value`."""
    trace = right()
    loss = trace.loss.copy()
    loss[2] = value
    return replace(trace, loss=loss)


def report(*results: Result) -> dict[str, Any]:
    """The first comparison of a document with these results, as it reads back."""
    document = json.loads(as_json([Comparison(problem=named_problem("regression"), results=results)]))
    comparison: dict[str, Any] = document["comparisons"][0]
    return comparison


def implementation(trace: Trace) -> dict[str, Any]:
    """The record of one trace, as it reads back."""
    record: dict[str, Any] = report(judged_trace(trace, version="1"))["implementations"][0]
    return record


def missing_or_of_another_type(record: dict[str, Any], fields: dict[str, Any]) -> list[str]:
    """The fields that `record` lacks or has otherwise."""
    return [name for name, kind in fields.items() if name not in record or not isinstance(record[name], kind)]


def test_document_has_its_fields() -> None:
    document = json.loads(as_json(compare([named_problem("regression")], ["manual-scalar"])))
    assert document["schema"] == 1
    assert isinstance(document["environment"], dict)
    fields = {"problem": str, "steps": int, "dtype": str, "implementations": list}
    assert missing_or_of_another_type(document["comparisons"][0], fields) == []


RESULTS: dict[str, Callable[[], Result]] = {
    "agrees": lambda: judged_trace(right(), version="numpy 2", seconds={"import": 0.1, "train": 0.2}),
    "disagrees": lambda: judged_trace(with_loss(1.0), version=None),
    "not-finite": lambda: judged_trace(with_loss(math.nan), version=None),
    "faulty": lambda: judged_trace(replace(right(), loss=right().loss.astype(np.float32)), version=None),
    "crashed": lambda: Result(name="torch", verdict=Verdict.CRASHED, version="2", reason="killed by SIGKILL"),
    "skipped": lambda: replace(not_installed("jax"), reason="jax not installed"),
}


@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)
def test_implementation_has_its_fields_whatever_the_verdict(result: Callable[[], Result]) -> None:
    record = report(result())["implementations"][0]
    assert missing_or_of_another_type(record, IMPLEMENTATION) == []
    assert record["verdict"] in ("agrees", "disagrees", "blind", "crashed", "skipped")
    assert {"import", "train", "audit"} <= record["seconds"].keys()
    assert all(seconds is None or isinstance(seconds, NUMBER) for seconds in record["seconds"].values())


def test_deviation_has_its_fields() -> None:
    record = implementation(with_loss(1.0))
    assert record["verdict"] == "disagrees"
    (deviation,) = record["deviations"]
    for one in (deviation, record["worst"]):
        assert missing_or_of_another_type(one, DEVIATION) == []
    assert (deviation["quantity"], deviation["step"], deviation["index"]) == ("loss", 3, [])
    assert deviation["actual"] == 1.0
    apart = abs(deviation["actual"] - deviation["expected"])
    assert deviation["ratio"] == pytest.approx(apart / deviation["bound"])


def test_index_is_the_position_in_the_canonical_layout() -> None:
    trace = right()
    gradients = {name: values.copy() for name, values in trace.gradients.items()}
    gradients["W1"][4, 1, 0] *= 2
    (deviation,) = [
        one
        for one in implementation(replace(trace, gradients=gradients))["deviations"]
        if one["quantity"] == "gradient.W1"
    ]
    assert (deviation["step"], deviation["index"]) == (5, [1, 0])


def test_diagnosis_has_its_fields() -> None:
    diagnosis = Diagnosis(parameter="W1", index=(0, 1), mistakes=("sign",), explanation="turned", of="gradient")
    (record,) = report(replace(RESULTS["agrees"](), diagnoses=(diagnosis,)))["implementations"][0]["diagnosis"]
    fields = {"parameter": str, "index": list, "mistakes": list, "explanation": str}
    assert missing_or_of_another_type(record, fields) == []


def test_final_and_epochs_read_back_to_the_same_float64() -> None:
    trace = right()
    record = implementation(trace)
    for name, values in record["final"].items():
        assert np.array_equal(np.array(values), trace.parameters[name][-1])
    assert record["epochs"] == trace.loss.reshape(5, 4).mean(axis=1).tolist()


def test_numbers_read_back_to_the_same_float64() -> None:
    values = np.random.default_rng(1).integers(0, 2**63, 2000, dtype=np.uint64).view(np.float64)
    values = np.concatenate([values[np.isfinite(values)], [0.0, -0.0, 5e-324, np.finfo(float).max, 0.1]])
    back = np.array(json.loads(json.dumps(numbers(values.tolist()), allow_nan=False)))
    assert np.array_equal(back.view(np.uint64), values.view(np.uint64))


def test_float32_numbers_read_back_to_the_same_number() -> None:
    values = np.array([0.1, 1e-40, 3.4e38], dtype=np.float32)
    assert np.array_equal(np.array(json.loads(json.dumps(numbers(values.tolist())))), values.astype(np.float64))


@pytest.mark.parametrize(("value", "name"), [(math.nan, "nan"), (math.inf, "inf"), (-math.inf, "-inf")])
def test_what_is_no_json_number_is_a_text(value: float, name: str) -> None:
    trace = with_loss(value)
    result = replace(
        RESULTS["agrees"](), audit=audit(trace), epochs=epoch_losses(trace.loss, trace.problem.steps_per_epoch)
    )
    (record,) = report(result)["implementations"]
    assert record["deviations"][0]["actual"] == name
    assert record["epochs"][0] == name
    assert record["deviations"][0]["ratio"] == "inf"


def test_document_holds_no_name_that_json_lacks() -> None:
    def refuse(name: str) -> float:
        raise AssertionError(name)

    results = tuple(result() for result in RESULTS.values())
    text = as_json([Comparison(problem=named_problem("regression"), results=results)])
    json.loads(text, parse_constant=refuse)
    assert text.endswith("}\n")
