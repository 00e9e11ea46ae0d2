"""A comparison on a terminal or a pipe: tables around the sentences of messages.py."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

import numpy as np
from rich.console import Console
from rich.text import Text

from comparisons.arithmetic.operands import WORDS
from comparisons.blind_text import blind_line
from comparisons.columns import Cell, show_table
from comparisons.messages import (
    disagreement,
    divergence_note,
    learning_line,
    not_seen_lines,
    plain,
    setting,
    size,
    verdict_line,
)
from comparisons.streaming_text import streamed_line
from comparisons.told_mistakes import mistake_lines, telling
from comparisons.verdict import Audit, Comparison, QuantityAudit, Result, Verdict
from problems.problem import Array, Problem

STYLES = {
    Verdict.AGREES: "green",
    Verdict.DISAGREES: "bold red",
    Verdict.BLIND: "yellow",
    Verdict.CRASHED: "bold red",
    Verdict.SKIPPED: "dim",
}
LOSS_DIGITS = 12
EPOCHS_SHOWN = 10
PIPE_WIDTH = 140


def console_for(stream: IO[str]) -> Console:
    """A console that writes user's text as it is, and no control characters unless `stream` is a terminal."""
    width = None if stream.isatty() else PIPE_WIDTH
    return Console(file=stream, markup=False, highlight=False, emoji=False, width=width, soft_wrap=False)


def show(console: Console, comparison: Comparison, reruns: Mapping[str, str]) -> None:
    """Print one comparison; `reruns` has for each implementation the command that repeats it alone."""
    console.print(Text(setting(comparison.problem), style="bold"), soft_wrap=True)
    trained = [result for result in comparison.results if result.audit is not None]
    if trained:
        _show_training(console, trained)
        _show_audit(console, trained)
    _show_verdicts(console, comparison.results)
    for result in comparison.results:
        _show_details(console, comparison.problem, result, reruns[result.name])
    for line in (streamed_line(comparison), blind_line(comparison), learning_line(comparison)):
        if line:
            console.print(Text(f"\n{line}"), soft_wrap=True)
    console.print()


def _title(console: Console, text: str) -> None:
    console.print(Text(f"\n{text}", style="bold"), soft_wrap=True)


def _grouped(results: Sequence[Result], key: Callable[[Result], Any]) -> dict[Any, list[str]]:
    """Implementation names by what they print alike, first come first."""
    groups: dict[Any, list[str]] = {}
    for result in results:
        groups.setdefault(key(result), []).append(plain(result.label))
    return groups


def _show_training(console: Console, results: Sequence[Result]) -> None:
    epochs = max(len(result.epochs) for result in results)
    shown = shown_epochs(epochs)
    groups = _grouped(results, lambda result: tuple(_loss(result.epochs, epoch) for epoch in shown))
    _title(console, "Average loss per epoch")
    rows = [[str(epoch), *losses] for epoch, *losses in zip(shown, *groups, strict=True)]
    show_table(console, ["epoch", *("\n".join(names) for names in groups.values())], rows)
    if epochs > EPOCHS_SHOWN:
        console.print(f"({len(shown)} of {epochs} epochs; --json has all)")
    _title(console, "Final weights and biases")
    for text, names in _grouped(results, _final).items():
        console.print(Text(f"{', '.join(names)}:"), soft_wrap=True)
        console.print(Text(text), soft_wrap=True)


def _loss(losses: Sequence[float], epoch: int) -> str:
    return f"{losses[epoch - 1]:.{LOSS_DIGITS}g}" if epoch <= len(losses) else ""


def shown_epochs(epochs: int) -> list[int]:
    """All epochs where they are few, else ten spread evenly, the first and the last among them."""
    return sorted({round(epoch) for epoch in np.linspace(1, epochs, min(epochs, EPOCHS_SHOWN))})


def _final(result: Result) -> str:
    return "\n".join(f"  {name} = {nested(values)}" for name, values in result.final.items())


def nested(values: Array) -> str:
    """A matrix as nested lists of at most 12 digits; large ones shortened."""
    text = np.array2string(
        values, separator=", ", threshold=40, edgeitems=2, formatter={"float_kind": lambda x: f"{x:.{LOSS_DIGITS}g}"}
    )
    return re.sub(r"\n\s*", " ", text)


def short(quantity: str) -> str:
    """`gradient.W1` as dW1, `parameter.W1` as W1."""
    group, _, name = quantity.partition(".")
    return f"d{name}" if group == "gradient" else name or group


def _show_audit(console: Console, results: Sequence[Result]) -> None:
    audits = [(result, result.audit) for result in results if result.audit and result.audit.quantities]
    if not audits:
        return
    names = [quantity.name for quantity in audits[0][1].quantities]
    steps = "audited steps" if any(audit.left_out for _, audit in audits) else "steps"
    _title(
        console,
        f"Largest |deviation| / bound over all {steps} (dW1 is the gradient of W1; above 1 is wrong; "
        f"* carries {_starred([audit for _, audit in audits])})",
    )
    rows: list[list[Cell]] = [
        [plain(result.label), *map(_ratio, audit.quantities), audit.carries or "neither"] for result, audit in audits
    ]
    show_table(console, ["implementation", *map(short, names), "carries"], rows)


def _starred(audits: Sequence[Audit]) -> str:
    """What is carried where a ratio above 1 has a star."""
    carried = {one.carries for audit in audits for one in audit.quantities if one.wrong and one.carries}
    return " or ".join(WORDS.get(name, name) for name in sorted(carried or {"float32"}))


def _ratio(quantity: QuantityAudit) -> Text:
    if quantity.worst is None:
        return Text("not told" if quantity.not_told else "none", style="yellow")
    if not quantity.wrong:
        return Text(size(quantity.worst.ratio))
    return Text(size(quantity.worst.ratio) + ("*" if quantity.carries else ""), style="bold red")


def _show_verdicts(console: Console, results: Sequence[Result]) -> None:
    _title(console, "Verdicts")
    width = max(len(result.label) for result in results)
    for result in results:
        known = " (known deviation)" if result.known_deviation else ""
        line = Text(f"{plain(result.label):<{width}}  ")
        line.append(f"{result.verdict}{known}", style=STYLES[result.verdict])
        version = f" [{result.version}{_on_device(result)}]" if result.version else ""
        line.append(f"{version}: {verdict_line(result)}")
        console.print(line, soft_wrap=True)


def _on_device(result: Result) -> str:
    """What it trained on, where that is not the CPU."""
    device = result.environment.get("device", "cpu")
    return "" if device == "cpu" else f", on {plain(device)}"


def _show_details(console: Console, problem: Problem, result: Result, command: str | None) -> None:
    lines = list(disagreement(result, command))
    if told := telling(result):
        lines += ["what is wrong", *(f"  {line}" for line in mistake_lines(problem, told))]
    lines += [*filter(None, [divergence_note(result)]), *not_seen_lines(result)]
    if lines:
        console.print(Text(f"\n{plain(result.label)}", style="bold"))
    for line in lines:
        console.print(Text(f"  {line}"), soft_wrap=True)


def show_seconds(console: Console, comparisons: Sequence[Comparison]) -> None:
    """Where the time went, per implementation, over all problems."""
    _title(console, "Seconds (all problems together)")
    rows = []
    for results in zip(*(comparison.results for comparison in comparisons), strict=True):
        if any(result.seconds for result in results):
            imported = max(result.seconds.get("import", 0.0) for result in results)
            rest = (sum(result.seconds.get(part, 0.0) for result in results) for part in ("train", "audit"))
            rows.append([plain(results[0].label), *(f"{seconds:.3f}" for seconds in (imported, *rest))])
    show_table(console, ["implementation", "import", "train", "audit"], rows)


def error_line(message: str) -> None:
    """One line on standard error."""
    print(f"backproof: {plain(message)}", file=sys.stderr)
