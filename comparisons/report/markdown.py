"""A comparison in a pull request's comment: one table a problem, what is wrong below it."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence

from comparisons.blind_text import blind_line
from comparisons.convergence import stop_line
from comparisons.messages import disagreement, divergence_note, setting, size, verdict_line
from comparisons.report.status import AGREES, SKIPPED, status_of
from comparisons.streaming_text import streamed_line
from comparisons.told_mistakes import mistake_lines, telling
from comparisons.verdict import Comparison, Result
from problems.problem import Problem

MOST = 60_000  # characters; GitHub takes 65,536
MARKS = {"wrong": "❌", "crashed": "💥", "carries": "🟠", "blind": "⚠️", "skipped": "➖", "agrees": "✅"}


def as_markdown(comparisons: Sequence[Comparison], reruns: Sequence[Mapping[str, str]]) -> str:
    """The text, cut where a comment would not hold it."""
    lines = ["## backproof", ""]
    for comparison, commands in zip(comparisons, reruns, strict=True):
        lines += _comparison(comparison, commands)
    text, cut = "", "\n… cut; report.html has all of it\n"
    for line in lines:
        if len(text) + len(line) + len(cut) > MOST:
            return text + cut
        text += f"{line}\n"
    return text


def _comparison(comparison: Comparison, commands: Mapping[str, str]) -> Iterator[str]:
    yield f"**{escaped(setting(comparison.problem))}**"
    yield ""
    yield "| implementation | verdict | largest deviation / bound | found |"
    yield "|---|---|---|---|"
    ordered = sorted(comparison.results, key=lambda result: status_of(result).rank)
    for result in ordered:
        status, worst = status_of(result), result.audit and result.audit.worst
        known = " (known deviation)" if result.known_deviation else ""
        ratio = size(worst.ratio) if worst else ""
        yield (
            f"| {escaped(result.label)} | {MARKS[status.kind]} {status.words}{known} | {ratio} | "
            f"{escaped(verdict_line(result))} |"
        )
    yield ""
    for line in (streamed_line(comparison), stop_line(comparison.stop) if comparison.stop else None):
        if line:
            yield from (escaped(line), "")
    for result in ordered:
        note = divergence_note(result)
        if note:
            yield from (f"{escaped(result.label)}: {escaped(note)}", "")
    for result in ordered:
        if status_of(result) not in (AGREES, SKIPPED):
            yield from _details(comparison.problem, result, commands.get(result.name))
    spots = blind_line(comparison)
    if spots:
        yield from (escaped(spots), "")


def _details(problem: Problem, result: Result, command: str | None) -> Iterator[str]:
    lines = [*disagreement(result, command)]
    lines += mistake_lines(problem, telling(result))
    if lines:
        shown = "\n".join(html.escape(line, quote=False) for line in lines)
        yield f"<details><summary>{escaped(result.label)}</summary>"
        yield f"\n<pre>\n{shown}\n</pre>\n</details>\n"


def escaped(text: str) -> str:
    """`text` as text: no markup, no table cell's end."""
    plain = html.escape(" ".join(text.split()), quote=False)
    return "".join(f"\\{c}" if c in "\\`*_[]|#~@" else c for c in plain)
