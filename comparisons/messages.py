"""Sentences about comparisons: what, where, the value, and what to do. Records in, plain text out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from comparisons.arithmetic.operands import WORDS
from comparisons.problem_words import loss_words, optimizer_words, preparation_words
from comparisons.verdict import Audit, Comparison, Deviation, Result, Untold, Verdict
from problems.dtypes import COMPUTED
from problems.problem import Problem

SHOWN_QUANTITIES = 3
BARELY = 0.01  # a loss that falls by less than this share is said to barely learn


def plain(text: str) -> str:
    """`text` with whatever would disturb a terminal replaced by `?`."""
    return "".join(c if c.isprintable() else "?" for c in text)


def memory_line(quantities: Sequence[str]) -> str:
    """What to say of a step whose `quantities` came out otherwise when it was called again with the same numbers."""
    groups = {name.partition(".")[0] for name in quantities}
    if "loss" in groups:
        which, what = "its loss differs already", "earlier parameters or rows, a random number in the forward pass"
    elif "gradient" in groups:
        which, what = "the loss is the same, the gradients differ", "accumulated gradients, a random number"
    else:
        which, what = "the loss is the same, the update differs", "momentum, accumulated gradients, a count of steps"
    return (
        "train_step gives another answer when it is called again with the same numbers "
        f"({which}): it keeps state between calls ({what}); the step must depend on its arguments only"
    )


def place(quantity: str, index: Sequence[int]) -> str:
    """An element by name, such as `gradient.W1[0,1]`."""
    return f"{quantity}[{','.join(map(str, index))}]" if index else quantity


def counted(number: int, noun: str) -> str:
    """`1 step`, `2,000 steps`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def size(ratio: float) -> str:
    """A ratio in few characters."""
    if ratio == 0 or 0.01 <= ratio < 1000:
        return f"{ratio:.2f}"
    return f"{ratio:.1e}".replace("e+0", "e").replace("e-0", "e-").replace("e+", "e")


def dtype_words(dtype: str) -> str:
    """The dtype; of one for storage, what its sums are accumulated in."""
    if dtype in COMPUTED:
        return dtype
    return f"{dtype} (sums accumulated in it or wider: PyTorch documents float32, JAX leaves it to XLA)"


def setting(problem: Problem) -> str:
    """The problem in one line."""
    network = problem.network
    shape = "-".join(map(str, network.sizes))
    activations = ", ".join(network.activations)
    batch = f", batches of {problem.batch_size}" if problem.batch_size > 1 else ""
    seed = f" (seed {problem.seed})" if problem.order != "sequential" else ""
    start = f"start {plain(problem.start)}{plain(preparation_words(problem))}"
    return (
        f"{plain(problem.name)}: {shape} network ({activations}), {loss_words(problem)}, "
        f"{optimizer_words(problem.optimizer)}, "
        f"{counted(problem.epochs, 'epoch')} of {counted(len(problem.x), 'row')}{batch}, "
        f"{problem.order}{seed}, {dtype_words(problem.dtype)}, {start}"
    )


def problem_warning(problem: Problem) -> str | None:
    """What is allowed in a problem and hardly meant, in one line; None where nothing is."""
    both = next((name for name in problem.target_names if name in problem.input_names), None)
    if both is not None:
        return f"{plain(problem.name)}: column {both!r} is an input and a target: the network is shown the answer"
    if (problem.loss, problem.network.activations[-1]) != ("binary_cross_entropy_with_logits", "sigmoid"):
        return None
    return (
        f"{plain(problem.name)}: the last activation is 'sigmoid', and binary_cross_entropy_with_logits applies it "
        "again; use 'linear' there, or binary_cross_entropy"
    )


def inequality(deviation: Deviation) -> str:
    """The one inequality as it was evaluated, with both values."""
    if deviation.actual != deviation.actual or abs(deviation.actual) == float("inf"):
        return f"expected {deviation.expected!r}, found {deviation.actual!r}, which is never agreement"
    apart = abs(deviation.actual - deviation.expected)
    sign = "<=" if deviation.ratio <= 1 else ">"
    return (
        f"expected {deviation.expected!r}, found {deviation.actual!r}: "
        f"|found - expected| = {apart:.3g} {sign} bound {deviation.bound:.3g} (ratio {size(deviation.ratio)})"
    )


def verdict_line(result: Result) -> str:
    """What was found of one implementation, in one line without its name."""
    audit = result.audit
    if audit is None:
        return plain(result.reason or "")
    if result.verdict is Verdict.DISAGREES and result.reason:
        return plain(result.reason)
    if result.verdict is Verdict.BLIND and not audit.compared and audit.divergence:
        return "nothing could be compared"
    if result.verdict is Verdict.BLIND:
        return "nothing compared could have failed, so agreement says nothing"
    scope = f"{_looked_at(audit)}, {counted(audit.compared, 'number')} compared"
    if result.verdict is Verdict.DISAGREES:
        return f"{_extent(audit)}{_precision(audit)}"
    return f"{scope}{_headroom(audit)}"


def divergence_note(result: Result) -> str | None:
    """From which step on nothing could be compared, and why; None where everything could."""
    found = result.audit.divergence if result.audit else None
    if found is None:
        return None
    shown = [quantity_in_words(name) for name in found.quantities[:SHOWN_QUANTITIES]]
    if len(found.quantities) > len(shown):
        shown.append(f"{len(found.quantities) - len(shown)} more")
    named = f"{', '.join(shown[:-1])} and {shown[-1]} are" if len(shown) > 1 else f"{shown[0]} is"
    steps = f"{counted(found.numbers, 'number')} in {counted(found.last - found.step + 1, 'step')} not compared"
    return (
        f"the training diverges: at step {found.step} the right {named} too large for {found.dtype}, "
        f"so nothing can be compared from there on ({steps})"
    )


def quantity_in_words(quantity: str) -> str:
    """`gradient.W1` as gradient of W1, `parameter.W1` as new W1."""
    group, _, name = quantity.partition(".")
    return {"gradient": f"gradient of {name}", "parameter": f"new {name}"}.get(group, quantity)


def _headroom(audit: Audit) -> str:
    worst = audit.worst
    if worst is None:
        return ""
    if worst.ratio == 0:
        return ", each exactly the reference's own float64"
    where = place(worst.quantity, worst.index)
    return f"; the nearest to its bound is {where} at step {worst.step}, at {size(worst.ratio)} of it"


def _looked_at(audit: Audit) -> str:
    every = counted(audit.steps, "step")
    return f"{audit.audited:,} of {every} audited" if audit.left_out else every


def _extent(audit: Audit) -> str:
    first = audit.deviations[0].step if audit.deviations else 0
    return f"wrong in {audit.wrong_steps:,} of {counted(audit.audited, 'step')}, first at step {first}"


def _precision(audit: Audit) -> str:
    if audit.carries in WORDS:
        return f"; carries {WORDS[audit.carries]}: all of it is within the bound of that"
    return f"; carries {audit.carries}: all of it is within {audit.carries}'s bound" if audit.carries else ""


def disagreement(result: Result, command: str | None) -> Iterator[str]:
    """A disagreement in full: the first bad step, every tensor wrong in it, what agreed, and how to see it again."""
    audit = result.audit
    if audit is None or result.verdict is not Verdict.DISAGREES:
        return
    if audit.deviations:
        yield f"first bad step: {audit.deviations[0].step:,} of {audit.steps:,}"
    for deviation in audit.deviations:
        where = place(deviation.quantity, deviation.index)
        extent = f"{deviation.wrong:,} of {deviation.elements:,} wrong, worst " if deviation.elements > 1 else ""
        yield f"  {extent}{where}: {inequality(deviation)}"
    if audit.agreed:
        yield f"right in this step: {', '.join(audit.agreed)}"
    if unsure := _either(audit):
        do = "does" if len(unsure) == 1 else "do"
        yield (
            f"{', '.join(unsure)} {do} not follow from the gradient that was reported; where the bound of that is "
            "larger than itself, it may be the gradient that is wrong"
        )
    if result.known_deviation:
        yield f"known deviation: {result.known_deviation}"
    if command:
        yield f"to see just this again: {command}"


def _either(audit: Audit) -> list[str]:
    """Parameters that are wrong though their gradients are not, which are hardly seen."""
    wide = {one.name for one in audit.quantities if one.wide}
    wrong = [one.quantity for one in audit.deviations if one.quantity.startswith("parameter.")]
    return [name for name in wrong if name.replace("parameter.", "gradient.") in wide & {*audit.agreed}]


LOST = "rounding on some way to compute it may take all of a number (a prediction near 0 or 1, sums of many terms)"


def untold_line(result: Result) -> str | None:
    """How many elements had a bound that says nothing, why, and how far from the exact value they are."""
    audit = result.audit
    if audit is None or audit.untold is None:
        return None
    return (
        f"{counted(audit.not_told, 'number')} in {counted(audit.untold.steps, 'step')} not told: there {LOST}, and no "
        "bound says anything; "
        f"{_distance(audit.untold)}"
    )


def wide_line(audit: Audit | None) -> str | None:
    """Of which gradients most numbers would be within their bound if they were 0, and of how many."""
    quantities = audit.quantities if audit else ()
    gradients = [one for one in quantities if one.name.startswith("gradient.") and 2 * one.wide > one.compared]
    if not gradients:
        return None
    shares = ", ".join(f"{one.name} {100 * one.wide / one.compared:.0f} %" for one in gradients)
    return (
        f"hardly seen: {shares} of the numbers compared have a bound that is larger than themselves, so that 0 would "
        "agree too: sums this long may round by that much"
    )


def not_seen_lines(result: Result) -> list[str]:
    """What an audit could not tell, or hardly."""
    return [line for line in (untold_line(result), wide_line(result.audit)) if line]


def _distance(untold: Untold) -> str:
    value, word = ("exact value", "exact") if untold.enclosed else ("reference's own value", "reference")
    return (
        f"farthest from the {value} is {place(untold.quantity, untold.index)} at step {untold.step}: "
        f"{word} {untold.exact:.6g}, found {untold.actual:.6g}, apart by {untold.distance:.3g}"
    )


def learning_line(comparison: Comparison) -> str | None:
    """A sentence where training barely changes the loss or makes it grow; None where it learns."""
    epochs = next((result.epochs for result in comparison.results if len(result.epochs) > 1), ())
    if not epochs or not epochs[0] > 0:
        return None
    first, last = epochs[0], epochs[-1]
    if abs(last - first) < BARELY * first:
        return (
            f"It barely learns: the average loss goes from {first:.6g} to {last:.6g} in {len(epochs)} epochs "
            f"({100 * (last - first) / first:+.2g} %). That is these settings, not a mistake: "
            "agreement says that every step is right, not that the steps lead anywhere."
        )
    if not last < first:
        return f"It does not learn: the average loss goes from {first:.6g} to {last:.6g} in {len(epochs)} epochs."
    return None
