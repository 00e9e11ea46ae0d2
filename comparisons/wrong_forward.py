"""A wrong forward pass, from which a wrong loss and every wrong derivative follow: one mistake, said once.

Each change of the forward pass is tried with the way back that follows from it and with the way back of the right
network. The loss alone decides which forward pass it is; then what it leaves unexplained is looked at as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np

from comparisons.chains import Number, Run, gradient, last_layer, loss_value, simplifies
from comparisons.estimates import LEAST_STATES, bounded, within
from comparisons.evidence import Evidence
from comparisons.measured_inputs import measured_inputs
from comparisons.search import PAIR_STATES, Search, searches, small
from comparisons.variants import Index
from comparisons.verdict import Diagnosis
from manual.activations import ACTIVATIONS, backward
from manual.losses import LOSSES, one_hot
from manual.network import Cache
from manual.routes import Route, chain
from problems.problem import Array, Network, Parameters, Problem
from problems.targets import SPARSE

FOLLOWS = "everything follows from a wrong forward pass: "
BESIDE = "beside a wrong forward pass"
SCALES = (10, 100, 255)
USUAL_ACTIVATIONS = ("linear", "sigmoid", "tanh", "relu", "softmax")  # tried in pairs; of others there are too many
Wrong = dict[tuple[str, bool], list[Index]]  # (quantity, whether its gradient) to the elements that are wrong


@dataclass(frozen=True, kw_only=True, eq=False)
class Change:
    """One change of the forward pass: where, its mistake's name, what it is in words, and the evidence seen with it.

    silent: a parameter that the changed pass does not use, so that nothing may come back to it;
    moves: whether elements stand elsewhere in the evidence seen with it; usual: whether pairs with it are tried.
    """

    site: str
    mistake: str
    text: str
    seen: Callable[[Evidence], Evidence]
    silent: frozenset[str] = frozenset()
    moves: bool = False
    usual: bool = True


def from_wrong_forward(evidence: Evidence) -> list[Diagnosis]:
    """The diagnoses of all wrong elements, if a change of the forward pass explains the loss; else none."""
    wrong = _wrong(evidence)
    few = evidence.part(np.arange(min(PAIR_STATES, len(evidence.loss))))
    best: tuple[int, Change, Evidence, Wrong] | None = None
    for change in (*changes(evidence.problem), *_measured(evidence)):
        if not _explains_loss(change.seen(few)):
            continue
        seen = change.seen(evidence)
        told = _explains_loss(seen)
        left = _left(change, seen, wrong) if told else wrong
        number = sum(map(len, left.values()))
        sure = (number == 0 and any(wrong.values())) or (told == "told" and not change.moves)
        if told and sure and (best is None or number < best[0]):
            best = number, change, seen, left
        if best and best[0] == 0:
            break
    return _diagnoses(*best[1:], wrong) if best else []


def _wrong(evidence: Evidence) -> Wrong:
    return {(one.quantity, one.of_gradient): one.wrong_elements() for one in searches(evidence)}


def _explains_loss(seen: Evidence) -> str:
    """`told` if this forward pass gives the loss, `silent` if what it gives is no number, empty if it fails."""
    with np.errstate(all="ignore"):
        expected = bounded(loss_value(seen.passes(), {}))
        says = np.isfinite(expected.error) & np.isfinite(loss_value(seen.plain(), {}))
        fits = within(expected, seen.loss.astype(np.float64))
    if not fits[says].all():
        return ""
    return "told" if says.sum() >= LEAST_STATES else "silent"


def _left(change: Change, seen: Evidence, wrong: Wrong) -> Wrong:
    """What this forward pass leaves unexplained."""
    left = _wrong(seen)
    if not change.moves:
        held = {key: set(places) for key, places in wrong.items()}
        left = {key: [index for index in places if index in held[key]] for key, places in left.items()}
        left = {key: sorted({*places, *_untold(seen, key, wrong[key])}) for key, places in left.items()}
    return {
        key: [index for index in places if not nothing[index]]
        for key, places in left.items()
        if not _stays(change, seen, *key)
        for nothing in [_no_number(seen, *key)]
    }


def _untold(seen: Evidence, key: tuple[str, bool], places: list[Index]) -> list[Index]:
    """The elements that this pass says too little of to explain them, though it gives numbers."""
    name, of_gradient = key
    told = Search(seen, name, of_gradient=of_gradient).told()
    return [index for index in places if not told[index]]


def _no_number(seen: Evidence, name: str, of_gradient: bool) -> Array:
    """Which elements are wrong only where this forward pass gives no number at all."""
    wrong = Search(seen, name, of_gradient=of_gradient).wrong_states()
    with np.errstate(all="ignore"):
        nothing = ~np.isfinite(gradient(seen.plain(), name, {}))
    told: Array = (nothing | ~wrong).all(axis=0) & ((~nothing).sum(axis=0) >= LEAST_STATES)
    return told


def _stays(change: Change, seen: Evidence, name: str, of_gradient: bool) -> bool:
    """Whether this is a parameter that the pass does not use, and nothing came back to it."""
    if name not in change.silent:
        return False
    found = seen.found(name, of_gradient)
    return not found.any() if of_gradient else bool((found == seen.before[name]).all())


def _diagnoses(change: Change, seen: Evidence, left: Wrong, wrong: Wrong) -> list[Diagnosis]:
    text = f"{FOLLOWS}{change.text}"
    mistakes = tuple(dict.fromkeys(change.mistake.split()))
    result = [Diagnosis(parameter="loss", index=(), mistakes=mistakes, explanation=text, of="loss")]
    for (name, of_gradient), places in wrong.items():
        of = "gradient" if of_gradient else "update"
        result += [
            Diagnosis(parameter=name, index=index, mistakes=mistakes, explanation=text, of=of)
            for index in places
            if index not in left.get((name, of_gradient), ())
        ]
        if left.get((name, of_gradient)):
            others = Search(seen, name, of_gradient=of_gradient).diagnoses()
            result += [_beside(one) for one in others if one.index in left[name, of_gradient]]
    return result


def _beside(diagnosis: Diagnosis) -> Diagnosis:
    return replace(diagnosis, explanation=f"{diagnosis.explanation} ({BESIDE})")


def changes(problem: Problem) -> Iterator[Change]:
    """Every change that is tried: single ones, alike ones in all layers, and pairs in a small network."""
    single = [*_single(problem)]
    yield from single
    if not small(problem.network):
        return
    for one, other in combinations((one for one in single if one.usual), 2):
        if one.site != other.site and not (one.moves or other.moves):
            yield both(one, other)


def both(one: Change, other: Change) -> Change:
    """Two changes of one forward pass."""
    return Change(
        site=f"{one.site} {other.site}",
        mistake=f"{one.mistake} {other.mistake}",
        text=f"{one.text}, and {other.text}",
        seen=lambda evidence: other.seen(one.seen(evidence)),
        silent=one.silent | other.silent,
    )


def _single(problem: Problem) -> Iterator[Change]:
    network = problem.network
    for layer in network.layers:
        yield _without_bias(layer)
        for other in _others(network, layer):
            yield from _activated(problem, layer, other)
    yield from _arranged(network)
    yield from _inputs(network)
    if len(network.units) > 2:
        yield _without_biases(network)


def _others(network: Network, layer: int) -> Iterator[str]:
    """The activations that may stand in `layer` by mistake; a softmax of one output is 1 whatever comes in."""
    softmax = layer == last_layer(network) and network.units[-1] > 1
    for other in ACTIVATIONS:
        if other != network.activations[layer - 1] and (softmax or other != "softmax"):
            yield other


def _without_bias(layer: int) -> Change:
    return Change(
        site=f"bias {layer}",
        mistake="missing-term",
        text=f"layer {layer} forgets to add its bias b{layer}",
        seen=lambda evidence: replace(evidence, run=_without(evidence.run, [f"b{layer}"])),
        silent=frozenset([f"b{layer}"]),
    )


def _without_biases(network: Network) -> Change:
    names = [f"b{layer}" for layer in network.layers]
    return Change(
        site="biases",
        mistake="missing-term",
        text="every layer forgets to add its bias",
        seen=lambda evidence: replace(evidence, run=_without(evidence.run, names)),
        silent=frozenset(names),
    )


def _without(run: Run, names: list[str]) -> Run:
    def changed(network: Network, parameters: Mapping[str, Number], x: Number) -> tuple[Number, Cache]:
        return run(network, {**parameters, **{name: parameters[name] * 0 for name in names}}, x)

    return changed


def _activated(problem: Problem, layer: int, other: str) -> Iterator[Change]:
    """Another activation, with its own slope on the way back or with that of the right one."""
    right = problem.network.activations[layer - 1]
    text = f"layer {layer} {_uses(other)} where {'no activation' if right == 'linear' else right} belongs"
    ways = {"": _consistent, f" (the way back takes the slope of {right})": _unaware}
    if layer == last_layer(problem.network):
        ways = {"": _last_consistent, " (the way back is right for the activation that belongs there)": _last_unaware}
    for addition, way in ways.items():
        seen = partial(way, layer=layer, other=other)
        yield Change(
            site=f"activation {layer}",
            mistake="missing-term",
            text=text + addition,
            seen=seen,
            usual=other in USUAL_ACTIVATIONS,
        )


def _uses(activation: str) -> str:
    return "has no activation" if activation == "linear" else f"uses {activation}"


def with_activation(network: Network, layer: int, other: str) -> Network:
    """`network` with another activation in `layer`."""
    activations = (*network.activations[: layer - 1], other, *network.activations[layer:])
    return replace(network, activations=activations)


def _consistent(evidence: Evidence, layer: int, other: str) -> Evidence:
    problem = evidence.problem
    return replace(evidence, problem=problem.changed(network=with_activation(problem.network, layer, other)))


def _unaware(evidence: Evidence, layer: int, other: str) -> Evidence:
    run = evidence.run
    return replace(evidence, run=lambda network, p, x: run(with_activation(network, layer, other), p, x))


def _last_consistent(evidence: Evidence, layer: int, other: str) -> Evidence:
    return replace(_unaware(evidence, layer, other), way=chain(evidence.problem.loss, other))


def _last_unaware(evidence: Evidence, layer: int, other: str) -> Evidence:
    """The error as the right network has it, of the wrong prediction."""
    problem, f = evidence.problem, ACTIVATIONS[other].value
    value, derivative = LOSSES[problem.loss]
    right = problem.network.activations[-1]

    def delta(y: Number, z: Number) -> Number:
        a = f(z)
        if not simplifies(problem):
            return backward(right, z, a, derivative(y, a))
        target = one_hot(y, z.shape[-1]) if problem.loss in SPARSE else y
        return (a - target) / evidence.plain().averaged

    return replace(_unaware(evidence, layer, other), way=Route("unaware", lambda y, z: value(y, f(z)), delta))


def _arranged(network: Network) -> Iterator[Change]:
    """A square weight matrix transposed; two layers of the same shape in each other's place."""
    shapes = network.parameter_shapes
    for layer in network.layers:
        rows, columns = shapes[f"W{layer}"]
        if rows == columns > 1:
            text = f"layer {layer} multiplies by W{layer} transposed"
            site = f"weight {layer}"
            yield Change(site=site, mistake="wrong-index", text=text, seen=_transposed(f"W{layer}"), moves=True)
            text, seen = f"{text} (the way back does not)", partial(_forward_transposed, name=f"W{layer}")
            yield Change(site=site, mistake="wrong-index", text=text, seen=seen)
    for one, other in combinations(network.layers, 2):
        if shapes[f"W{one}"] == shapes[f"W{other}"]:
            text = f"the parameters of layers {one} and {other} stand in each other's place"
            yield Change(site="order", mistake="wrong-index", text=text, seen=_exchanged(one, other), moves=True)


def _transposed(name: str) -> Callable[[Evidence], Evidence]:
    return lambda evidence: _with_tensors(evidence, lambda named: {**named, name: named[name].mT})


def _exchanged(one: int, other: int) -> Callable[[Evidence], Evidence]:
    places = {f"{letter}{a}": f"{letter}{b}" for letter in "Wb" for a, b in ((one, other), (other, one))}
    return lambda evidence: _with_tensors(evidence, lambda named: {n: named[places.get(n, n)] for n in named})


def _with_tensors(evidence: Evidence, change: Callable[[Parameters], Parameters]) -> Evidence:
    return replace(
        evidence,
        before=change(evidence.before),
        after=change(evidence.after),
        gradients=None if evidence.gradients is None else change(evidence.gradients),
    )


def _forward_transposed(evidence: Evidence, name: str) -> Evidence:
    run = evidence.run
    return replace(evidence, run=lambda network, p, x: run(network, {**p, name: p[name].mT}, x))


def _inputs(network: Network) -> Iterator[Change]:
    """The inputs in another order, or scaled."""
    size = network.inputs
    if size > 1:
        order = np.arange(size)[::-1]
        yield _other_inputs("the columns of x stand in reverse order", "wrong-index", lambda x: _taken(x, order))
    for scale in SCALES:
        yield _other_inputs(f"x is divided by {scale}", "factor", lambda x, scale=scale: x / scale)


def _measured(evidence: Evidence) -> Iterator[Change]:
    """The inputs scaled or shifted by what the candidate's own derivatives tell."""
    found = measured_inputs(evidence)
    if found:
        text, change = found
        yield _other_inputs(text, "factor", change)


def _taken(x: Any, order: Any) -> Any:
    return x.take(order, -1)


def _other_inputs(text: str, mistake: str, change: Callable[..., Number]) -> Change:
    def run_of(run: Run) -> Run:
        return lambda network, p, x: run(network, p, change(x))

    return Change(
        site="inputs", mistake=mistake, text=text, seen=lambda evidence: replace(evidence, run=run_of(evidence.run))
    )
