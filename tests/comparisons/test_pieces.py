"""A large step judged piece by piece gives what the same step judged whole gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import manual.train
from comparisons import compiled_passes, compiled_tensors, pieces, tensors
from comparisons.arithmetic import dots, stored_numbers
from comparisons.audit import audit
from comparisons.verdict import Verdict
from problems.initializers import starting_parameters
from problems.problem import Network, Optimizer, Problem
from problems.trace import Trace

NETWORKS = {
    "softmax": (("relu", "softmax"), "categorical_cross_entropy", 0.0),
    "penalty": (("tanh", "linear"), "mean_squared_error", 0.1),
    "saturated": (("sigmoid", "sigmoid"), "binary_cross_entropy", 0.0),
}


def trained(name, dtype="float32", scale=1.0, epochs=2, sizes=(7, 9, 5, 3)):
    """Two steps of twelve and four rows an epoch, through 7-9-5-3 unless other sizes that end in 3 are given."""
    (first, last), loss, l2 = NETWORKS[name]
    rng = np.random.default_rng(1)
    network = Network(inputs=sizes[0], units=sizes[1:], activations=(first, first, last))
    y = np.eye(3)[rng.integers(0, 3, 16)] if loss != "mean_squared_error" else rng.normal(size=(16, 3))
    start = starting_parameters(network, "random:2")
    problem = Problem(
        name=name,
        x=rng.normal(size=(16, sizes[0])),
        y=y,
        network=network,
        loss=loss,
        l2=l2,
        initial={key: values * scale for key, values in start.items()},
        optimizer=Optimizer(learning_rate=0.05),
        epochs=epochs,
        batch_size=12,
        dtype=dtype,
    )
    with np.errstate(all="ignore"):
        return Trace.record(problem, manual.train.train(problem), implementation="manual-matrix")


@pytest.fixture
def in_pieces(monkeypatch):
    """Have everything count as large, and pieces be of two rows or so."""
    for module, name, value in (
        (pieces, "LARGE", 1),
        (tensors, "PIECE", 12),
        (compiled_tensors, "LONG", 12),
        (dots, "LARGE", 0),
        (stored_numbers, "LARGE", 0),
    ):
        monkeypatch.setattr(module, name, value)


def same(one, other):
    """All but how near the worst comes to its bound, in float64 by the rounding of the reference itself."""
    for found, due in zip(one.quantities, other.quantities, strict=True):
        assert (found.name, found.compared, found.not_told, found.wrong, found.carries) == (
            due.name,
            due.compared,
            due.not_told,
            due.wrong,
            due.carries,
        )
        if due.wrong:
            assert (found.worst.step, found.worst.index) == (due.worst.step, due.worst.index)
            assert (found.worst.wrong, found.worst.elements) == (due.worst.wrong, due.worst.elements)
        assert found.worst is None or found.worst.ratio == pytest.approx(due.worst.ratio, rel=0.01, abs=0.05)
    assert [(d.quantity, d.step, d.index, d.wrong, d.elements) for d in one.deviations] == [
        (d.quantity, d.step, d.index, d.wrong, d.elements) for d in other.deviations
    ]
    assert (one.verdict, one.carries, one.agreed, one.wrong_steps) == (
        other.verdict,
        other.carries,
        other.agreed,
        other.wrong_steps,
    )


def changed(trace, group, name, step, index, by):
    """`trace` with one element of one step made larger by a share."""
    tensors = {key: values.copy() for key, values in getattr(trace, group).items()}
    with np.errstate(invalid="ignore"):
        tensors[name][(step, *index)] *= 1 + by
    return replace(trace, **{group: tensors})


@pytest.fixture
def whole_and_pieces(request, monkeypatch):
    """A function that audits a trace whole, then in pieces."""

    def audits(trace):
        whole = audit(trace)
        request.getfixturevalue("in_pieces")
        return whole, audit(trace)

    return audits


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("scale", [1.0, 12.0], ids=["ordinary", "steep"])
def test_a_right_training_agrees_alike(name, dtype, scale, whole_and_pieces):
    whole, found = whole_and_pieces(trained(name, dtype, scale))
    same(found, whole)
    assert found.verdict is not Verdict.DISAGREES


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("group", ["gradients", "parameters"])
@pytest.mark.parametrize("by", [1e-3, 1e-7])
@pytest.mark.parametrize(("name", "index"), [("W1", (4, 3)), ("W2", (8, 4)), ("b2", (0, 1))])
def test_a_wrong_element_is_found_alike(name, index, by, group, dtype, whole_and_pieces):
    whole, found = whole_and_pieces(changed(trained("softmax", dtype), group, name, 1, index, by))
    same(found, whole)


def test_several_wrong_elements_of_one_tensor_are_counted_together(whole_and_pieces):
    trace = trained("softmax")
    column = np.abs(trace.gradients["W1"][2]).min(axis=0).argmax()  # of a node that is not dead
    for row, by in ((0, 0.5), (3, 0.25), (6, 0.75)):
        trace = changed(trace, "gradients", "W1", 2, (row, column), by)
    whole, found = whole_and_pieces(trace)
    same(found, whole)
    (deviation,) = (one for one in found.deviations if one.quantity == "gradient.W1")
    assert (deviation.step, deviation.wrong, deviation.elements) == (3, 3, 63)


def test_what_carries_float32_is_named_alike(whole_and_pieces):
    trace = trained("softmax", "float64")
    lower = {
        group: {name: values.astype(np.float32).astype(np.float64) for name, values in getattr(trace, group).items()}
        for group in ("gradients", "parameters")
    }
    whole, found = whole_and_pieces(replace(trace, **lower))
    assert found.carries == "float32"
    same(found, whole)


def test_no_number_is_never_agreement(whole_and_pieces):
    trace = trained("penalty")
    trace.gradients["W2"][1, 2, 3] = np.nan
    whole, found = whole_and_pieces(trace)
    same(found, whole)
    assert found.verdict is Verdict.DISAGREES


@pytest.fixture
def both(in_pieces, monkeypatch):
    """A function that audits a trace without compiled passes, then in them: what each has found, written out."""
    pytest.importorskip("numba")
    monkeypatch.setattr("comparisons.audit.CHUNK_ELEMENTS", 1)  # one step at a time, as of large ones

    def audits(trace):
        uncompiled = audit(trace)
        monkeypatch.setattr(compiled_tensors, "WORTH", 0)
        compiled = compiled_tensors.CompiledTensor
        passed = []
        monkeypatch.setattr(compiled, "_judged", counting(compiled._judged, passed))
        found = audit(trace)
        assert passed or trace.problem.l2  # a penalty is no part of the compiled rules
        return repr(found), repr(uncompiled), found.verdict

    return audits


def counting(method, passed):
    """`method`, which says that it was called."""

    def called(*arguments):
        passed.append(arguments)
        return method(*arguments)

    return called


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("scale", [1e-30, 1.0, 12.0, 1e6], ids=["tiny", "ordinary", "steep", "hopeless"])
def test_compiled_a_right_training_agrees_to_the_last_bit(name, dtype, scale, both):
    found, due, verdict = both(trained(name, dtype, scale))
    assert found == due
    assert verdict is not Verdict.DISAGREES


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("group", ["gradients", "parameters"])
@pytest.mark.parametrize("by", [1e-3, 1e-7, np.inf, np.nan])
@pytest.mark.parametrize(("name", "index"), [("W1", (4, 3)), ("W2", (8, 4))])
def test_compiled_a_wrong_element_is_found_to_the_last_bit(name, index, by, group, dtype, both):
    found, due, _ = both(changed(trained("softmax", dtype), group, name, 1, index, by))
    assert found == due


def test_compiled_what_carries_float32_is_named_to_the_last_bit(both):
    trace = trained("softmax", "float64")
    lower = {
        group: {name: values.astype(np.float32).astype(np.float64) for name, values in getattr(trace, group).items()}
        for group in ("gradients", "parameters")
    }
    found, due, _ = both(replace(trace, **lower))
    assert found == due


@pytest.mark.parametrize("scale", [1.0, 12.0, 1e6], ids=["ordinary", "steep", "hopeless"])
@pytest.mark.parametrize("wrong", [False, True], ids=["right", "wrong"])
def test_compiled_more_rows_than_are_judged_at_once_are_judged_to_the_last_bit(wrong, scale, both, monkeypatch):
    sizes = (90, 2 * compiled_passes.TILE // 90, 5, 3)
    for module, name in ((tensors, "PIECE"), (compiled_tensors, "LONG")):
        monkeypatch.setattr(module, name, sizes[0] * sizes[1])
    trace = trained("softmax", "float32", scale, sizes=sizes)
    found, due, _ = both(changed(trace, "gradients", "W1", 1, (80, 7), 1.0) if wrong else trace)
    assert found == due
