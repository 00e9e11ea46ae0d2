"""The page: plain data of every comparison, poured into a template that escapes all of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from comparisons.blind_text import blind_line
from comparisons.convergence import stop_line
from comparisons.json_report import environment
from comparisons.messages import (
    counted,
    disagreement,
    divergence_note,
    learning_line,
    not_seen_lines,
    place,
    setting,
    size,
    verdict_line,
)
from comparisons.problem_words import loss_words, optimizer_words, preparation_words
from comparisons.report.agreement import compared, grouped_alike, shared_notes
from comparisons.report.charts import COLORS
from comparisons.report.drift import Drifts, drifts
from comparisons.report.explorer import chain_order, explorer
from comparisons.report.figures import figures
from comparisons.report.status import Status, status_of, status_of_quantity
from comparisons.report.wrong import mistakes
from comparisons.streaming_text import audited_words, streamed_line
from comparisons.trajectory import Apart
from comparisons.verdict import Comparison, QuantityAudit, Result
from problems.problem import Problem

SHOWN_BLIND_SPOTS = 40
MOST_NAMES = 12
PLURALS = {"disagrees": "disagree", "agrees": "agree", "carries": "carry"}  # of the first word


def as_page(
    comparisons: Sequence[Comparison],
    reruns: Sequence[Mapping[str, str]],
    again: str,
    drift: Sequence[Drifts] | None = None,
) -> str:
    """The whole page, one self-contained text.

    reruns: for each comparison the command that repeats one implementation, by its name; again: the one that
    repeats everything; drift: of each comparison, computed here where it is not given.
    """
    import jinja2

    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("comparisons.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["short"] = short
    templates.filters["together"] = together
    apart = drift if drift is not None else [drifts(one) for one in comparisons]
    sections = [section(one, commands, found) for one, commands, found in zip(comparisons, reruns, apart, strict=True)]
    for number, one in enumerate(sections):
        one["id"] = f"problem-{number + 1}"
    return templates.get_template("report.html.j2").render(
        sections=sorted(sections, key=lambda one: one["rank"]),
        which=audited_words(comparisons),
        environment=environment(),
        again=again,
        embedded=embedded,
    )


def embedded(data: Any) -> Any:
    """Data as JSON inside a script element: no character there can end it."""
    from markupsafe import Markup

    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def together(text: str) -> Any:
    """Text whose option names, such as --audit-every, stay in one line: browsers would break them after a hyphen."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"--\w[\w-]*", r'<span class="nowrap">\g<0></span>', str(escape(text))))


def section(comparison: Comparison, commands: Mapping[str, str], drift: Drifts) -> dict[str, Any]:
    """Everything that the page says of one problem."""
    problem, results = comparison.problem, comparison.results
    places = {result.label: number for number, result in enumerate(results)}
    ordered = sorted(results, key=lambda result: status_of(result).rank)
    statuses = [status_of(result) for result in ordered]
    return {
        "name": problem.name,
        "setting": setting(problem),
        "rank": min((status.rank for status in statuses), default=9),
        "counts": counts(statuses),
        "quantities": audited(comparison),
        "rows": [row(problem, result, places[result.label], commands.get(result.name)) for result in ordered],
        "legend": [{"name": result.label, "color": places[result.label] % COLORS} for result in compared(results)],
        "charts": figures(comparison, places, drift),
        "explorer": explorer(problem, ordered),
        "agreement": grouped_alike(results),
        "apart": [pair_row(pair, drift) for pair in drift.between],
        "shared": shared_notes(results),
        "streamed": streamed_line(comparison),
        "stop": stop_line(comparison.stop) if comparison.stop else None,
        "learning": learning_line(comparison),
        "blind": blind_spots(comparison),
        "settings": settings(comparison),
    }


def audited(comparison: Comparison) -> list[str]:
    """The quantities that were audited: all, but for updates that between audited steps nobody followed."""
    every = chain_order(comparison.problem.network)
    found = {one.name for result in comparison.results if result.audit for one in result.audit.quantities}
    return [name for name in every if name in found] if found else every


def pair_row(pair: Apart, drift: Drifts) -> dict[str, Any]:
    """How far two groups come apart, when, and whether rounding alone may take them there."""
    step = drift.leaves_at(pair.distance)
    return {
        "names": [", ".join(pair.one), ", ".join(pair.other)],
        "farthest": f"{pair.distance.max(initial=0.0):.3g}",
        "step": int(pair.distance.argmax()) + 1,
        "outside": "never" if step is None else f"step {step:,}",
    }


def counts(statuses: Sequence[Status]) -> list[dict[str, Any]]:
    """How many implementations have each status, the worst first."""
    found = [(status, statuses.count(status)) for status in sorted(set(statuses), key=lambda status: status.rank)]
    return [
        {
            "words": plural(status.words) if count > 1 else status.words,
            "kind": status.kind,
            "count": count,
        }
        for status, count in found
    ]


def plural(words: str) -> str:
    """What several implementations do, where one `words`."""
    first, *rest = words.split(" ")
    return " ".join([PLURALS.get(first, first), *rest])


def row(problem: Problem, result: Result, number: int, command: str | None) -> dict[str, Any]:
    """One implementation: its line of the table, and what opens under it."""
    status, audit = status_of(result), result.audit
    found = {quantity.name: quantity for quantity in audit.quantities} if audit else {}
    return {
        "name": result.label,
        "color": number % COLORS,
        "version": result.version,
        "words": status.words,
        "kind": status.kind,
        "known": result.known_deviation,
        "carries": (audit.carries or "neither precision") if found and audit else "",
        "line": verdict_line(result),
        "cells": {name: cell(quantity) for name, quantity in found.items()},
        "note": divergence_note(result),
        "details": [*disagreement(result, None), *not_seen_lines(result)],
        "mistakes": mistakes(problem, result),
        "command": command,
        "environment": dict(result.environment),
    }


def cell(quantity: QuantityAudit) -> dict[str, Any]:
    """One quantity of one implementation: its status, and how much of the bound its worst element takes."""
    status, worst = status_of_quantity(quantity), quantity.worst
    where = f"{place(worst.quantity, worst.index)} at step {worst.step}" if worst else ""
    return {
        "words": status.words,
        "kind": status.kind,
        "ratio": size(worst.ratio) if worst else "",
        "share": round(100 * min(1.0, worst.ratio)) if worst else 0,
        "where": where,
    }


def blind_spots(comparison: Comparison) -> dict[str, Any] | None:
    """What could not have been noticed, and why."""
    line = blind_line(comparison)
    if line is None:
        return None
    hidden = comparison.blind_spots.hidden if comparison.blind_spots else ()
    return {"line": line, "hidden": list(hidden[:SHOWN_BLIND_SPOTS]), "more": max(0, len(hidden) - SHOWN_BLIND_SPOTS)}


def settings(comparison: Comparison) -> list[tuple[str, str]]:
    """The problem, setting by setting."""
    problem = comparison.problem
    network = problem.network
    rows, epochs = counted(len(problem.x), "row"), counted(problem.epochs, "epoch")
    names = f"inputs {listed(problem.input_names)}; targets {listed(problem.target_names)}"
    return [
        ("network", f"{'-'.join(map(str, network.sizes))} ({', '.join(network.activations)})"),
        ("loss", loss_words(problem)),
        ("optimizer", optimizer_words(problem.optimizer)),
        ("learning rate", repr(problem.optimizer.learning_rate)),
        ("data", f"{rows}; {names}{preparation_words(problem)}"),
        ("training", f"{epochs}, {counted(problem.batch_size, 'row')} a step, order {problem.order}"),
        ("seed of the order", str(problem.seed)),
        ("start", problem.start),
        ("dtype", problem.dtype),
    ]


def listed(names: Sequence[str]) -> str:
    """Names, the middle of many left out, or that there are none."""
    if len(names) > MOST_NAMES:
        return f"{', '.join(names[:3])}, ..., {names[-1]} ({len(names)})"
    return ", ".join(names) or "unnamed"


def short(quantity: str) -> str:
    """`gradient.W1` as ∂L/∂W1, `parameter.W1` as new W1: the one after the update."""
    group, _, name = quantity.partition(".")
    return {"gradient": f"∂L/∂{name}", "parameter": f"new {name}"}.get(group, quantity)
