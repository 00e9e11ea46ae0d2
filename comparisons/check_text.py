"""What a check says to a person: what agrees, what does not, the formula as it should be, and which mistake it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from comparisons.checking import Check, actual, by_rows, evidence_of
from comparisons.diagnosis import MOST_PARAMETERS, searched
from comparisons.evidence import Evidence
from comparisons.explain import derivative_lines, loss_lines
from comparisons.messages import counted, divergence_note, inequality, place, plain, size
from comparisons.reference import Expectation, expectations
from comparisons.tally import outside
from comparisons.verdict import Audit, Deviation, Diagnosis, QuantityAudit, Verdict

SHOWN_ELEMENTS = 4


def check_text(check: Check) -> str:
    """The whole message, plain text."""
    return "\n".join(check_lines(check))


def check_lines(check: Check) -> Iterator[str]:
    """Line by line."""
    yield f"{plain(check.name)} on {plain(check.problem.name)}: {check.verdict}"
    yield f"  {scope(check)}"
    if check.reason:
        yield f"  {plain(check.reason)}"
    note = divergence_note(check.result)
    if note:
        yield f"  {note}"
    if check.audit and check.audit.quantities:
        yield ""
        yield from (f"  {line}" for line in quantity_lines(check, check.audit))
        yield "  (bound: how far rounding alone may take a number that is computed rightly)"
    if check.diagnoses:
        yield ""
        yield "What is wrong"
        yield from diagnosis_lines(check)
    elif check.audit and check.audit.wrong_steps and not searched(check.problem.network):
        yield ""
        yield f"Which mistake it is: not searched for in networks of more than {MOST_PARAMETERS:,} parameters"
    if check.verdict is Verdict.AGREES:
        yield ""
        every = "number that could be compared" if check.audit and check.audit.divergence else "number"
        yield f"Every {every} is what the formulas say, within the rounding that they allow."


def scope(check: Check) -> str:
    """How much was looked at."""
    compared = counted(check.audit.compared if check.audit else 0, "number")
    steps = f"{counted(check.along, 'step')} along the problem"
    if check.seed is None:
        return f"{steps}, {compared} compared"
    return f"{steps} and {counted(check.states, 'random state')} (seed {check.seed}), {compared} compared"


def step_name(check: Check, step: int) -> str:
    """`step 3`, or `random state 7` after the steps along the problem."""
    return f"step {step}" if step <= check.along else f"random state {step - check.along}"


def quantity_lines(check: Check, audit: Audit) -> Iterator[str]:
    """One line for each of loss, gradients and parameters."""
    width = max(len(quantity.name) for quantity in audit.quantities)
    first = {deviation.quantity: deviation for deviation in audit.deviations}
    for quantity in audit.quantities:
        yield f"{quantity.name:<{width}}  {_found(check, quantity, first.get(quantity.name))}"


def _found(check: Check, quantity: QuantityAudit, first: Deviation | None) -> str:
    if not quantity.wrong:
        if quantity.worst is None:
            return "not told: no bound says anything" if quantity.not_told else "not compared"
        return f"agrees (at most {size(quantity.worst.ratio)} of the bound)"
    extent = f"wrong in {quantity.wrong:,} of {quantity.compared:,} numbers"
    shown = first or quantity.worst
    if shown is None:
        return extent
    which = "first" if first else "farthest"
    where = place(shown.quantity.partition(".")[2] or "loss", shown.index)
    return f"{extent}; {which} at {step_name(check, shown.step)}, {where}: {inequality(shown)}"


def diagnosis_lines(check: Check) -> Iterator[str]:
    """Elements with the same explanation together, and the formula of the first of them as it should be."""
    groups: dict[tuple[str, str, tuple[str, ...], str], list[Diagnosis]] = {}
    for diagnosis in check.diagnoses:
        key = (diagnosis.parameter, diagnosis.of, diagnosis.mistakes, diagnosis.explanation)
        groups.setdefault(key, []).append(diagnosis)
    for number, group in enumerate(groups.values(), 1):
        yield f"{number:>3}. {_elements(group)}: {', '.join(group[0].mistakes)}"
        yield f"     {_subject(group[0])}{group[0].explanation}"
        yield from (f"       {line}" for line in formula_lines(check, group[0]))


def _elements(group: Sequence[Diagnosis]) -> str:
    names = [place(diagnosis.parameter, diagnosis.index) for diagnosis in group]
    more = f" and {len(names) - SHOWN_ELEMENTS} more" if len(names) > SHOWN_ELEMENTS else ""
    return ", ".join(names[:SHOWN_ELEMENTS]) + more


def _subject(diagnosis: Diagnosis) -> str:
    """What it is that matches."""
    if diagnosis.mistakes == ("unknown",):
        return ""
    return {"loss": "the loss", "gradient": "the gradient", "update": "the update"}[diagnosis.of] + " "


def formula_lines(check: Check, diagnosis: Diagnosis) -> Iterator[str]:
    """The formula as it should be where the element is first wrong, what it should give, and what was found."""
    step = first_wrong_step(check, diagnosis)
    if step is None:
        return
    (state, returned), name, index = check.steps[step], diagnosis.parameter, diagnosis.index
    if name == "loss":
        yield from loss_lines(check.problem, state)
        yield f"found {float(returned.loss):.10g}, at {step_name(check, step + 1)}"
        return
    yield from derivative_lines(check.problem, state, name, index)
    if diagnosis.of == "gradient" and returned.gradients is not None:
        yield f"found {float(returned.gradients[name][index]):.10g}, at {step_name(check, step + 1)}"
        return
    before, found = float(state.parameters[name][index]), float(returned.parameters[name][index])
    element = place(name, index)
    due = _expected(check, step, f"parameter.{name}", index)
    yield (
        f"{element} should go from {before:.10g} to {before:.10g} - {state.learning_rate:.6g} · ∂L/∂{element} = "
        f"{due:.10g}; found {found:.10g}, at {step_name(check, step + 1)}"
    )


def _expected(check: Check, step: int, quantity: str, index: tuple[int, ...]) -> float:
    return float(_expectations(evidence_of(check.problem, [check.steps[step]]))[quantity].expected[(0, *index)])


def _expectations(evidence: Evidence) -> dict[str, Expectation]:
    return expectations(evidence.problem, evidence.before, evidence.x, evidence.y, learning_rate=evidence.learning_rate)


def first_wrong_step(check: Check, diagnosis: Diagnosis) -> int | None:
    """The position of the first step whose element is outside its bound."""
    group = {"loss": "loss", "gradient": f"gradient.{diagnosis.parameter}"}.get(
        diagnosis.of, f"parameter.{diagnosis.parameter}"
    )
    wrong: list[int] = []
    for every in by_rows(check.steps):
        positions = check.audit.comparable(every) if check.audit else every
        if not len(positions):
            continue
        evidence = evidence_of(check.problem, [check.steps[position] for position in positions])
        bad = outside(actual(evidence)[group], _expectations(evidence)[group])
        at: Any = (slice(None), *diagnosis.index)
        wrong += positions[bad[at]].tolist()
    return min(wrong, default=None)
