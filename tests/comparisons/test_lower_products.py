"""Matrix products in TF32, bfloat16 or float16 are noticed and named; an ordinary mistake is not called so."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import comparisons.audit
import comparisons.report.page
from comparisons.audit import audit
from comparisons.compare import compared, judged_trace
from comparisons.json_report import as_json
from comparisons.messages import verdict_line
from comparisons.terminal import console_for, show
from comparisons.verdict import Verdict
from manual.network import loss_routes, train_step
from manual.optimizers import coefficients, initial_state, updated
from manual.train import train
from problems.initializers import starting_parameters
from problems.order import batches
from problems.problem import Network, Optimizer, Problem
from problems.step import Step
from problems.trace import Trace


def bits(values: Any) -> Any:
    return np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)


def kept(last: int, *, cut: bool = False) -> Callable[[Any], Any]:
    """Float32 numbers without their `last` bits, rounded to the even neighbor or cut off."""

    def shorten(values: Any) -> Any:
        old = bits(values)
        half = np.uint32(0 if cut else 2 ** (last - 1) - 1) + (0 if cut else (old >> np.uint32(last)) & np.uint32(1))
        return ((old + half) >> np.uint32(last) << np.uint32(last)).view(np.float32)

    return shorten


def through_float16(values: Any) -> Any:
    return np.asarray(values, dtype=np.float16).astype(np.float32)


SHORTENED = {
    "tf32": ("tf32", kept(13)),
    "tf32, cut off": ("tf32", kept(13, cut=True)),
    "bfloat16": ("bfloat16-products", kept(16)),
    "bfloat16, cut off": ("bfloat16-products", kept(16, cut=True)),
}
WORDS = {"tf32": "TF32", "bfloat16-products": "bfloat16", "float16-products": "float16"}


class Shortened(np.ndarray):
    """Float32 numbers whose matrix products are of shortened operands."""

    shorten: Callable[[Any], Any]
    vectors = True

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        plain = [one.view(np.ndarray) if isinstance(one, Shortened) else one for one in inputs]
        if ufunc is np.matmul and (self.vectors or min(*plain[0].shape, plain[1].shape[-1]) > 1):
            plain = [self.shorten(one) for one in plain]
        return np.asarray(getattr(ufunc, method)(*plain, **options)).view(type(self))


def shortening(function: Callable[[Any], Any], *, on_vectors: bool = True) -> type[Shortened]:
    return type("Shortened", (Shortened,), {"shorten": staticmethod(function), "vectors": on_vectors})


Change = Callable[[dict[str, Any]], dict[str, Any]]


def trained(
    problem: Problem, kind: type[Any], change: Change = lambda gradients: gradients, *, since: int = 1
) -> Trace:
    """A training on arrays of `kind` from step `since` on, its gradients changed before they are used."""
    route, *_ = loss_routes(problem.network, problem.loss)
    optimizer, l2 = problem.optimizer, np.float32(problem.l2)

    def steps() -> Iterator[Step]:
        held: dict[str, Any] = problem.initial
        memory = initial_state(optimizer, held, coefficients(optimizer, 1, np.float32))
        for t, rows in enumerate(batches(problem), 1):
            given = coefficients(optimizer, t, np.float32)
            here = kind if t >= since else np.ndarray
            state = {name: values.view(here) for name, values in held.items()}
            x, y = problem.x[rows].view(here), problem.y[rows].view(here)
            loss, gradients, _ = train_step(problem.network, route, state, x, y, given["rate"], l2)
            gradients = change({name: np.asarray(values) for name, values in gradients.items()})
            held, memory = updated(optimizer, held, gradients, memory, given)
            yield Step(rows=rows, loss=np.asarray(loss), gradients=gradients, parameters=held)

    return Trace.record(problem, steps(), implementation="shortened")


NETWORKS = ("tanh", "relu", "half", "deep", "classes", "sparse", "huber", "regression", "classification")


def in_float32(problem: Problem) -> Problem:
    return problem.changed(dtype="float32")


@pytest.mark.parametrize("network", NETWORKS)
def test_whole_float32_agrees(network, problem_called):
    found = audit(trained(in_float32(problem_called(network)), np.ndarray))
    assert (found.verdict, found.carries) == (Verdict.AGREES, "float32")


@pytest.mark.parametrize(("carries", "shorten"), SHORTENED.values(), ids=SHORTENED)
@pytest.mark.parametrize("network", NETWORKS)
def test_shortened_products_disagree_and_are_named(network, carries, shorten, problem_called):
    found = audit(trained(in_float32(problem_called(network)), shortening(shorten)))
    assert (found.verdict, found.carries) == (Verdict.DISAGREES, carries)


@pytest.mark.parametrize("network", ["deep", "classes"])
@pytest.mark.parametrize(("carries", "shorten"), SHORTENED.values(), ids=SHORTENED)
def test_shortened_products_of_matrices_alone_are_named(network, carries, shorten, problem_called):
    found = audit(trained(in_float32(problem_called(network)), shortening(shorten, on_vectors=False)))
    assert (found.verdict, found.carries) == (Verdict.DISAGREES, carries)


def scaled_down(problem: Problem, factor: float) -> Problem:
    """The same with smaller targets, so that derivatives are small."""
    return in_float32(
        problem.changed(y=problem.y * factor, initial={n: v * factor for n, v in problem.initial.items()})
    )


def test_float16_is_told_by_its_narrow_range(problem_called):
    problem = scaled_down(problem_called("regression"), 1e-4)
    assert audit(trained(problem, shortening(through_float16))).carries == "float16-products"
    assert audit(trained(problem, shortening(kept(13)))).carries == "tf32"


def test_float16_within_its_range_cannot_be_told_from_tf32(problem_called):
    problem = in_float32(problem_called("regression"))
    assert audit(trained(problem, shortening(through_float16))).carries == "tf32"


@pytest.mark.parametrize("optimizer", ["momentum", "adam", "adagrad"])
def test_updates_that_remember_are_named_too(optimizer, problem_called):
    problem = in_float32(problem_called("tanh")).changed(optimizer=Optimizer(name=optimizer, learning_rate=0.01))
    trace = trained(problem, shortening(kept(13)))
    assert audit(trace).carries == "tf32"


def scaled(name: str, factor: float) -> Change:
    return lambda gradients: {**gradients, name: gradients[name] * np.float32(factor)}


def without_last_bits(gradients: dict[str, Any]) -> dict[str, Any]:
    """The gradients themselves in TF32, not the operands of what they are computed from."""
    return {name: kept(13)(values) for name, values in gradients.items()}


MISTAKES = {
    "sign": scaled("W1", -1),
    "twice": scaled("b2", 2),
    "a thousandth": scaled("W2", 1.001),
    "a few thousandths": scaled("W1", 1 + 2**-9),
    "less than TF32 has digits": scaled("b1", 1 + 2**-13),
    "shorter gradients": without_last_bits,
}
mistakes = pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)


@mistakes
@pytest.mark.parametrize("network", ["tanh", "deep", "classes", "regression", "classification"])
def test_an_ordinary_mistake_is_not_called_shortened_products(network, mistake, problem_called):
    found = audit(trained(in_float32(problem_called(network)), np.ndarray, mistake))
    assert (found.verdict, found.carries) == (Verdict.DISAGREES, None)


@mistakes
def test_a_mistake_beside_shortened_products_is_not_covered_by_them(mistake, problem_called):
    found = audit(trained(in_float32(problem_called("tanh")), shortening(kept(13)), mistake))
    assert (found.verdict, found.carries) == (Verdict.DISAGREES, None)


@pytest.mark.parametrize(("carries", "shorten"), SHORTENED.values(), ids=SHORTENED)
def test_every_wrong_quantity_and_the_verdict_say_it(carries, shorten, problem_called):
    result = judged_trace(trained(in_float32(problem_called("tanh")), shortening(shorten)), version=None)
    assert result.audit is not None
    assert {one.carries for one in result.audit.quantities if one.wrong} == {carries}
    assert f"carries float32 with matrix products in {WORDS[carries]}" in verdict_line(result)
    assert {one.mistakes for one in result.diagnoses} == {("precision",)}
    assert {one.parameter for one in result.diagnoses} == {"loss", "W1", "b1", "W2", "b2"}
    assert all(WORDS[carries] in one.explanation for one in result.diagnoses)


def test_a_float64_run_is_not_looked_at_for_shortened_products(problem_called):
    trace = trained(in_float32(problem_called("tanh")), shortening(kept(13)))
    assert audit(replace(trace, problem=trace.problem.changed(dtype="float64"))).carries is None


def test_text_json_and_page_say_it(problem_called):
    result = judged_trace(trained(in_float32(problem_called("tanh")), shortening(kept(13))), version=None)
    comparison = compared(in_float32(problem_called("tanh")), [result])
    console = console_for(io.StringIO())
    show(console, comparison, {"shortened": "backproof compare"})
    text = console.file.getvalue()
    assert "above 1 is wrong; * carries float32 with matrix products in TF32)" in text
    assert re.search(r"^shortened .*\* +tf32$", text, re.MULTILINE)
    told = json.loads(as_json([comparison]))["comparisons"][0]["implementations"][0]
    assert (told["verdict"], told["carries"], told["diagnosis"][0]["mistakes"]) == ("disagrees", "tf32", ["precision"])
    row = comparisons.report.page.row(comparison.problem, result, 0, None)
    assert (row["words"], row["carries"]) == ("carries float32 with matrix products in TF32", "tf32")


@pytest.mark.parametrize("words", ["carries float32", "carries float32 with matrix products in TF32"])
def test_plural_of_what_several_carry(words):
    assert comparisons.report.page.plural(words) == words.replace("carries", "carry")


@pytest.mark.parametrize("elements", [1, 100_000], ids=["a-step-a-part", "one-part"])
@pytest.mark.parametrize("since", [1, 2, 4])
def test_products_are_named_only_where_the_first_steps_have_them_too(elements, since, problem_called, monkeypatch):
    monkeypatch.setattr(comparisons.audit, "CHUNK_ELEMENTS", elements)
    found = audit(trained(in_float32(problem_called("tanh")), shortening(kept(16)), since=since))
    assert found.verdict is Verdict.DISAGREES
    assert found.carries == ("bfloat16-products" if since == 1 else None)


def test_nothing_is_computed_of_other_formats_for_a_run_that_is_right(problem_called, monkeypatch):
    trace = trained(in_float32(problem_called("tanh")), np.ndarray)
    monkeypatch.setattr("comparisons.lower_products.computed_so", None)
    assert audit(trace).verdict is Verdict.AGREES


def test_an_update_that_does_not_follow_from_its_own_gradient_rules_all_formats_out_at_once(
    problem_called, monkeypatch
):
    trace = trained(in_float32(problem_called("tanh")), shortening(kept(16)))
    assert audit(trace).carries == "bfloat16-products"
    monkeypatch.setattr("comparisons.lower_products.computed_so", None)
    after = trace.parameters["W1"].copy()
    after[0] *= np.float32(1.0001)
    assert audit(replace(trace, parameters={**trace.parameters, "W1": after})).carries is None


def wide(sizes: tuple[int, ...]) -> Problem:
    """Float32, of layers so wide that operands of TF32 leave a gradient open."""
    rng = np.random.default_rng(0)
    network = Network(inputs=sizes[0], units=sizes[1:], activations=("relu",) * (len(sizes) - 2) + ("linear",))
    return Problem(
        name="wide",
        x=rng.normal(size=(16, sizes[0])),
        y=rng.integers(0, sizes[-1], (16, 1)),
        network=network,
        loss="sparse_categorical_cross_entropy_with_logits",
        initial=starting_parameters(network, "he_normal:0"),
        optimizer=Optimizer(learning_rate=0.01),
        epochs=1,
        batch_size=16,
        dtype="float32",
    )


@pytest.mark.parametrize("factor", [-1.0, 0.0, 1.5])
def test_a_wrong_gradient_that_the_bound_of_a_format_reaches_as_well_as_the_right_one_is_not_called_so(factor):
    problem = wide((400, 300, 200, 5))
    (right,) = train(problem)
    gradients = {**right.gradients, "W1": right.gradients["W1"] * np.float32(factor)}
    after = {name: problem.initial[name] - np.float32(0.01) * slope for name, slope in gradients.items()}
    step = Step(rows=right.rows, loss=right.loss, gradients=gradients, parameters=after)
    found = audit(Trace.record(problem, [step], implementation="planted"))
    assert found.verdict is Verdict.DISAGREES
    assert found.carries is None
