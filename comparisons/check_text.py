"""What a check says to a person: what agrees, what does not, and each mistake once, with its formula."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from comparisons.check_formulas import formula_lines, step_name
from comparisons.checking import Check
from comparisons.diagnosis import MOST_PARAMETERS, UNKNOWN, searched
from comparisons.messages import (
    LOST,
    counted,
    divergence_note,
    inequality,
    place,
    plain,
    quantity_in_words,
    size,
    wide_line,
)
from comparisons.told_mistakes import elements, explanation, named, shortened, together
from comparisons.verdict import Audit, BlindSpots, Deviation, Diagnosis, QuantityAudit, Verdict
from problems.problem import Problem

ASIDES = ("cannot tell", "in batches", "beside")  # what may stand in brackets behind an explanation
MATCHES = "matches the formula "
LOSS_FIRST = "the loss is already wrong, so the forward pass (or the loss formula) differs: mend that first"
LOSS_ALONE = "every derivative agrees, so it is the loss formula alone that differs"


def check_text(check: Check, *, verbose: bool = False) -> str:
    """The whole message, plain text; verbose: every quantity with its numbers, every element with its own."""
    return "\n".join(_lines(check, verbose))


def _lines(check: Check, verbose: bool) -> Iterator[str]:
    found = "cannot be compared" if check.formless else str(check.verdict)
    yield f"{plain(check.name)} on {plain(check.problem.name)}: {found}"
    if not check.formless:
        yield f"  {scope(check)}"
    if check.reason:
        yield f"  {plain(check.reason)}"
    note = divergence_note(check.result)
    if note:
        yield f"  {note}"
    if check.audit and check.audit.quantities:
        yield from _quantities(check, check.audit, verbose)
    yield from _mistakes(check, verbose)
    yield from _unseen(check)
    if check.verdict is Verdict.AGREES:
        yield ""
        every = "number that could be compared" if check.audit and check.audit.divergence else "number"
        yield f"Every {every} is what the formulas say, within the rounding that they allow."
    if not verbose and check.audit and check.audit.wrong_steps:
        yield ""
        yield "Every number's expected value and its bound: add --verbose (in Python: check_text(found, verbose=True))"


def scope(check: Check) -> str:
    """How much was looked at."""
    compared = counted(check.audit.compared if check.audit else 0, "number")
    steps = f"{counted(check.along, 'step')} along the problem"
    if check.seed is None:
        return f"{steps}, {compared} compared"
    return f"{steps} and {counted(check.states, 'random state')} (seed {check.seed}), {compared} compared"


def _quantities(check: Check, audit: Audit, verbose: bool) -> Iterator[str]:
    if verbose:
        yield ""
        yield from (f"  {line}" for line in quantity_lines(check, audit))
        yield "  (bound: how far rounding alone may take a number that is computed rightly)"
        return
    wrong = [quantity for quantity in audit.quantities if quantity.wrong]
    if not wrong:
        return
    yield ""
    right = [quantity_in_words(one.name) for one in audit.quantities if not one.wrong and one.compared]
    if right:
        yield f"  agrees to rounding: {', '.join(right)}"
    every = not right and all(one.wrong == one.compared for one in wrong)
    yield f"  wrong: {'everything that was compared' if every else ', '.join(map(_extent, wrong))}"


def _extent(quantity: QuantityAudit) -> str:
    name = quantity_in_words(quantity.name)
    return name if quantity.wrong == quantity.compared else f"{name} ({quantity.wrong:,} of {quantity.compared:,})"


def quantity_lines(check: Check, audit: Audit) -> Iterator[str]:
    """One line for each of loss, gradients and parameters, with the numbers that decided."""
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


def _mistakes(check: Check, verbose: bool) -> Iterator[str]:
    if check.diagnoses:
        yield ""
        yield "What is wrong"
        yield from diagnosis_lines(check, verbose=verbose)
    elif check.audit and check.audit.wrong_steps and not searched(check.problem.network):
        yield ""
        yield f"Which mistake it is: not searched for in networks of more than {MOST_PARAMETERS:,} parameters"


def diagnosis_lines(check: Check, *, verbose: bool = False) -> Iterator[str]:
    """Each mistake once: the elements it is in, the formula of the first as it should be, and as it was found."""
    loss_first = loss_unexplained(check)
    groups = together(check.diagnoses, each_unknown=verbose)
    kept = [group for group in groups if verbose or not loss_first or not _left_open(group)]
    for number, group in enumerate(kept, 1):
        names = elements(check.problem, group)
        yield f"{number:>3}. {', '.join(names) if verbose else shortened(names)}: {named(group[0])}"
        yield f"     {explanation(group)}"
        if loss_first and group[0].parameter == "loss":
            yield f"     {LOSS_FIRST if len(check.diagnoses) > 1 else LOSS_ALONE}"
        yield from (f"       {line}" for line in formula_lines(check, group[0], as_found(group[0])))
    hidden = sum(len(group) for group in groups) - sum(len(group) for group in kept)
    if hidden:
        yield f"     {counted(hidden, 'other element')} {'is' if hidden == 1 else 'are'} wrong, as may follow from it"


def loss_unexplained(check: Check) -> bool:
    """Whether the loss is wrong and nothing explains it: whatever else is wrong may follow from it."""
    return bool(check.diagnoses) and check.diagnoses[0].parameter == "loss" and check.diagnoses[0].mistakes == UNKNOWN


def of_another_problem(check: Check) -> bool:
    """Whether no number at all is what this problem's formulas give, and no mistake explains the loss."""
    quantities = check.audit.quantities if check.audit else ()
    return loss_unexplained(check) and all(one.wrong == one.compared for one in quantities)


def _left_open(group: Sequence[Diagnosis]) -> bool:
    """Whether these elements are unknown, and not the loss."""
    return group[0].mistakes == UNKNOWN and group[0].parameter != "loss"


def as_found(diagnosis: Diagnosis) -> str | None:
    """The wrong formula in a few words, `the same with W2 after its update`; None where there is none."""
    if not diagnosis.explanation.startswith(MATCHES) or "precision" in diagnosis.mistakes:
        return None
    said = re.split(rf" \((?:{'|'.join(ASIDES)})", diagnosis.explanation.removeprefix(MATCHES))[0]
    return f"the same {', and '.join(part.split(':')[0] for part in said.split('; and '))}"


def _noticed(spots: BlindSpots) -> str:
    if not spots.hidden:
        return f"Yes: each of the {spots.looked_at} mistakes of the catalogue would have been noticed here"
    return f"{len(spots.hidden)} of {spots.looked_at} mistakes would not have been noticed, such as {spots.hidden[0]}"


def _one_row(problem: Problem) -> Iterator[str]:
    """What no step of a single row can show."""
    rows = len(problem.x)
    if min(problem.batch_size, rows) == 1:
        yield (
            "Each step has one row, so a sum over rows where their mean belongs would not have been noticed"
            + f" (try --batch-size {min(rows, 3)})" * (rows > 1)
        )


def _unseen(check: Check) -> Iterator[str]:
    """What the check could not see."""
    spots = check.blind_spots if check.verdict is Verdict.AGREES else None
    if spots is not None:
        yield ""
        yield f"Could it have failed? {_noticed(spots)}"
        yield from _one_row(check.problem)
    if check.audit and check.audit.not_told:
        yield ""
        yield f"Not seen: {counted(check.audit.not_told, 'number')} where no bound says anything: {LOST}"
    if wide := wide_line(check.audit):
        yield ""
        yield f"{wide[0].upper()}{wide[1:]}"
