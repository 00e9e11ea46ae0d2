"""Which mistake it is: the loss first, then every parameter, from states with equally many rows or with several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from comparisons.estimates import LEAST_STATES
from comparisons.evidence import Evidence
from comparisons.messages import counted
from comparisons.search import Search, affordable, searches
from comparisons.verdict import Diagnosis
from comparisons.wrong_forward import from_wrong_forward
from problems.problem import Network

MOST_PARAMETERS = 1_000_000  # the search grows with parameters times mutants; a larger network is not searched
MOST_FOR_FORWARD = 20_000  # every change of the forward pass goes through all elements
UNKNOWN = ("unknown",)
Place = tuple[str, str, tuple[int, ...]]


def searched(network: Network) -> bool:
    """Whether mistakes are searched for in a network of this size."""
    return network.parameter_count <= MOST_PARAMETERS


def diagnose(evidence: Evidence, elsewhere: Sequence[Evidence] = ()) -> list[Diagnosis]:
    """One Diagnosis per wrong element of the loss and of every parameter.

    An explanation must give what was found, within its own derived bound, in every state (at least LEAST_STATES);
    single mistakes are tried first, then a constant ratio, lower precision, a term added, clipping, and pairs of
    mistakes; what is left is `unknown`, with the measured ratio. Where nothing explains the loss, a wrong forward pass
    from which all the rest follows is looked for. Of a network that is not small some elements and states are looked
    at, which is told, and single mistakes alone. Nothing is said of a network that is too large to be searched.
    elsewhere: states with other numbers of rows; single mistakes that they do not refute are told first.
    """
    if not searched(evidence.problem.network):
        return []
    evidence, elsewhere = affordable(evidence), [affordable(other) for other in elsewhere]
    loss = Search(evidence, "loss", of_gradient=False, elsewhere=elsewhere).diagnoses()
    if any(one.mistakes == UNKNOWN for one in loss) and evidence.problem.network.parameter_count <= MOST_FOR_FORWARD:
        followed = from_wrong_forward(evidence)
        if followed:
            return followed
    return [*loss, *(one for search in searches(evidence, elsewhere) for one in search.diagnoses())]


def diagnose_all(groups: Iterable[Evidence]) -> list[Diagnosis]:
    """One Diagnosis per wrong element, from states of several row counts: each count explained, then held together."""
    every = sorted(groups, key=lambda group: -len(group.loss))
    enough = [group for group in every if len(group.loss) >= LEAST_STATES] or every
    by_rows = {
        group.x.shape[-2]: {
            _place(one): one for one in diagnose(group, [other for other in every if other is not group])
        }
        for group in enough
    }
    places = dict.fromkeys(place for found in by_rows.values() for place in found)
    order = ["loss", *every[0].problem.network.parameter_shapes] if every else []
    merged = [_merged(place, by_rows) for place in places]
    return sorted(merged, key=lambda one: (order.index(one.parameter), one.of != "gradient", one.index))


def _place(diagnosis: Diagnosis) -> Place:
    return diagnosis.parameter, diagnosis.of, diagnosis.index


def _merged(place: Place, by_rows: dict[int, dict[Place, Diagnosis]]) -> Diagnosis:
    """What the groups say of one element: the explanation that they share, or each its own."""
    told = {rows: found[place] for rows, found in by_rows.items() if place in found}
    first, *others = told.values()
    if len(told) < len(by_rows):
        if first.everywhere or first.mistakes == ("precision",):  # what is rounded need not show in every batch
            return first
        return replace(first, explanation=f"{first.explanation} {_in_batches(told)}")
    shared = _shared([first, *others])
    if shared:
        return shared
    return replace(
        first,
        mistakes=tuple(dict.fromkeys(name for one in told.values() for name in one.mistakes)),
        explanation="; ".join(f"{one.explanation} {_in_batches({rows: one})}" for rows, one in told.items()),
    )


def _shared(told: Sequence[Diagnosis]) -> Diagnosis | None:
    """The diagnosis whose mistakes every group names, first or as what it cannot tell apart."""
    for one in told:
        if all(one.mistakes in (other.mistakes, *other.alternatives) for other in told):
            return one
    return None


def _in_batches(told: Iterable[int]) -> str:
    return f"(in batches of {' or '.join(counted(rows, 'row') for rows in sorted(told))})"
