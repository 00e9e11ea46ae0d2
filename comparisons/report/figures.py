"""The figures of a report: title, drawing and note of every chart that has something to show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from comparisons.report import curves
from comparisons.report.agreement import comparable
from comparisons.report.charts import chart, spans
from comparisons.report.drift import Drifts
from comparisons.report.status import AGREES, status_of
from comparisons.verdict import Comparison

Figure = dict[str, Any]


def figures(comparison: Comparison, places: Mapping[str, int], drift: Drifts) -> list[Figure]:
    """Loss, drift, parameters: those with nothing to draw are left out, unless their note says why."""
    found = [*losses(comparison, places), from_exact(comparison, places, drift), between(comparison, places, drift)]
    found += [
        figure(f"{name} over time", chart(points, name), "One line per element, from the start (step 0).")
        for name, points in curves.parameters(comparison.results, places).items()
    ]
    return [one for one in found if one["svg"] or one["said"]]


def figure(title: str, svg: str, note: str = "", *, said: bool = False) -> Figure:
    """One figure; said: its note stands without a drawing."""
    return {"title": title, "svg": svg, "note": note, "said": said}


def losses(comparison: Comparison, places: Mapping[str, int]) -> list[Figure]:
    """Loss per step and per epoch."""
    steps, epochs = (draw(comparison.results, places) for draw in (curves.losses, curves.epoch_losses))
    return [
        figure("Loss per step", chart(steps, "loss", log=spans(steps)), "Each loss is taken before its own update."),
        figure("Average loss per epoch", chart(epochs, "loss", x="epoch", log=spans(epochs))),
    ]


def from_exact(comparison: Comparison, places: Mapping[str, int], drift: Drifts) -> Figure:
    """Distance from the exact trajectory."""
    points = curves.drift_from_exact(drift, places)
    svg = chart(points, "largest distance", log=True, bound=curves.drift_bound(drift))
    steps = max((trace.steps for _, trace in comparable(comparison.results)), default=0)
    return figure("Drift from the exact trajectory", svg, from_exact_note(drift, steps))


def from_exact_note(drift: Drifts, steps: int) -> str:
    """What the chart shows, and what it cannot."""
    text = (
        "The farthest of all parameters from training without any rounding (ball arithmetic), on a logarithmic axis; "
        "dashed: how far rounding alone may take any two trainings, carried from the start, while it says anything."
    )
    if drift.followed < steps:
        text += f" Followed for {drift.followed:,} of {steps:,} steps."
    zeros = [one.implementation for one in drift.exact if not one.distance.any()]
    return text + (f" Exact all the way, so not drawn: {', '.join(zeros)}." if zeros else "")


def between(comparison: Comparison, places: Mapping[str, int], drift: Drifts) -> Figure:
    """Distance of the others from one implementation, the first that agrees."""
    title, one = "Drift between implementations", reference(comparison)
    others = drift.away_from(one)
    same = [name for names in drift.alike if one in names for name in names if name != one]
    said = f" The same as {one} to the last bit, so not drawn: {', '.join(same)}." if same else ""
    if not others:
        return figure(title, "", said.strip(), said=bool(same))
    svg = chart(curves.drift_between(others, places), "largest distance", log=True, bound=curves.drift_bound(drift))
    note = f"The farthest of all parameters from those of {one}, on a logarithmic axis; dashed: that bound again."
    return figure(title, svg, f"{note}{said} Every two of them are under “Who agrees with whom”.")


def reference(comparison: Comparison) -> str:
    """The first implementation that agrees, or the first of all; nothing where none can be compared."""
    found = sorted((result for result, _ in comparable(comparison.results)), key=lambda one: status_of(one) != AGREES)
    return found[0].name if found else ""
