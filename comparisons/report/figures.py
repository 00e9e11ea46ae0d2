"""The figures of a report: title, drawing, legend and note of every chart that has something to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from comparisons.report import curves
from comparisons.report.agreement import comparable
from comparisons.report.charts import COLORS, chart, spans
from comparisons.report.drift import Drifts
from comparisons.trajectory import Apart
from comparisons.verdict import Comparison

MOST_PAIRS = COLORS  # a color each
Figure = dict[str, Any]


def figures(comparison: Comparison, places: Mapping[str, int], drift: Drifts) -> list[Figure]:
    """Loss, drift, parameters: those with nothing to draw are left out, unless their note says why."""
    found = [*losses(comparison, places), from_exact(comparison, places, drift), between(drift)]
    found += [
        figure(f"{name} over time", chart(points, name), "One line per element, from the start (step 0).")
        for name, points in curves.parameters(comparison.results, places).items()
    ]
    return [one for one in found if one["svg"] or one["said"]]


def figure(title: str, svg: str, note: str = "", legend: Sequence[Figure] = (), *, said: bool = False) -> Figure:
    """One figure; legend: of its own colors, where they are not the page's; said: its note stands without a drawing."""
    return {"title": title, "svg": svg, "note": note, "legend": list(legend), "said": said}


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


def between(drift: Drifts) -> Figure:
    """Distance of the implementations from one another, every two groups of them."""
    title = "Drift between implementations"
    shown, more = drift.between[:MOST_PAIRS], len(drift.between) - MOST_PAIRS
    if not shown:
        return alike_figure(title, drift.alike[0] if drift.alike else ())
    svg = chart(curves.drift_between(shown), "largest distance", log=True, bound=curves.drift_bound(drift))
    note = "The farthest of all parameters, every two of them, on a logarithmic axis; dashed: that bound again."
    if more > 0:
        note += f" The {MOST_PAIRS} pairs that come farthest apart; report.json has {more} more."
    return figure(title, svg, note, pair_legend(shown))


def alike_figure(title: str, names: Sequence[str]) -> Figure:
    """What is said where there are no two groups: that all move together, where they are several."""
    note = f"None: the parameters of {', '.join(names)} are the same to the last bit after every step."
    return figure(title, "", note, said=True) if len(names) > 1 else figure(title, "")


def pair_legend(pairs: Sequence[Apart]) -> list[Figure]:
    """Who the curve of each color is about."""
    return [
        {"name": f"{', '.join(pair.one)} and {', '.join(pair.other)}", "color": number}
        for number, pair in enumerate(pairs)
    ]
