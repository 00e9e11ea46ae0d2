"""Charts as SVG drawn by Vega-Lite; colours are the page's CSS variables, so one drawing serves both themes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import ceil, floor, log10
from typing import Any

from comparisons.report.curves import Point

WIDTH, HEIGHT = 330, 215
COLORS = 8
FEW_STEPS = 60
MOST_POWERS, FEW_POWERS = 7, 2  # of ten, marked on a logarithmic axis
FEW = 12  # places of an axis that are all marked
VEGA_LITE = "5.21"
WHOLE = "datum.value ? format(datum.value, '~s') : '0'"
SHORT = "abs(datum.value) < 0.001 && datum.value ? format(datum.value, '.0e') : format(datum.value, '~g')"
CONFIG = {
    "aria": False,
    "background": None,
    "font": "sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--soft)",
        "titleColor": "var(--soft)",
        "gridColor": "var(--line)",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "labelFontSize": 13,
        "titleFontSize": 13,
        "titleFontWeight": "normal",
        "labelOverlap": True,
        "labelSeparation": 8,
    },
}


def chart(
    found: Sequence[Point], title: str, *, x: str = "step", log: bool = False, bound: Sequence[Point] = ()
) -> str:
    """One line chart; `bound` is drawn dashed under the curves. Nothing where there is no point."""
    if not any(point["y"] is not None for point in found):
        return ""
    scale = {"type": "log", "nice": True} if log else {"type": "linear", "zero": False}
    marks = _powers([*found, *bound]) if log else {}
    axes = _axes(x, title, scale, _ticks([*found, *bound]), marks)
    layers = [_lines(found, axes)]
    if bound:
        layers.insert(0, _bound(bound, axes))
    spec = {"width": WIDTH, "height": HEIGHT, "layer": layers, "config": CONFIG}
    return drawn(spec)


def _lines(found: Sequence[Point], axes: dict[str, Any]) -> dict[str, Any]:
    series = sorted({point["s"] for point in found})
    spread = max(len(series) - 1, 1)
    # Those beneath stay visible around the others; where much goes up and down, wide ones would hide it.
    thick, thin = (9, 2) if len({point["x"] for point in found}) <= FEW_STEPS else (4, 1)
    widths = {number: thick - (thick - thin) * place / spread for place, number in enumerate(series)}
    widths |= {series[0]: 3} if len(series) == 1 else {}
    encoding = axes | {
        "color": _mapped(series, [f"var(--s{number % COLORS})" for number in series]),
        "strokeWidth": {"field": "w", "type": "nominal", "scale": None},
        "detail": {"field": "e", "type": "nominal"},
    }
    mark = {"type": "line", "strokeCap": "round", "strokeJoin": "round", "point": _few(found)}
    values = [{**point, "w": widths[point["s"]]} for point in found]
    return {"data": {"values": values}, "mark": mark, "encoding": encoding}


def _few(found: Sequence[Point]) -> Any:
    """Single points are marked: a line of one would not be seen."""
    return {"size": 40, "filled": True} if len({point["x"] for point in found}) < 3 else False


def _bound(bound: Sequence[Point], axes: dict[str, Any]) -> dict[str, Any]:
    mark = {"type": "line", "stroke": "var(--ink)", "strokeDash": [6, 5], "strokeWidth": 2}
    return {"data": {"values": list(bound)}, "mark": mark, "encoding": axes}


def _ticks(found: Sequence[Point]) -> dict[str, Any]:
    """Every whole number where they are few: left to itself an axis also marks what lies between."""
    places = [point["x"] for point in found]
    span = range(min(places), max(places) + 1)
    return {"values": list(span)} if len(span) <= FEW else {}


def _powers(found: Sequence[Point]) -> dict[str, Any]:
    """Powers of ten, so many that they can be told apart; their halves and fifths too where there are few."""
    values = [point["y"] for point in found if point["y"] is not None]
    low, high = floor(log10(min(values))), ceil(log10(max(values)))
    every = ceil((high - low + 1) / MOST_POWERS)
    parts = (1, 2, 5) if high - low <= FEW_POWERS else (1,)
    return {"values": [float(f"{part}e{power}") for power in range(low, high + 1, every) for part in parts]}


def _axes(x: str, title: str, scale: dict[str, Any], ticks: dict[str, Any], marks: dict[str, Any]) -> dict[str, Any]:
    across = {"field": "x", "type": "quantitative", "title": x, "scale": {"zero": False, "nice": False}}
    across["axis"] = {"labelExpr": WHOLE, "tickMinStep": 1, "grid": False} | ticks
    up = {"field": "y", "type": "quantitative", "title": title, "scale": scale}
    up["axis"] = {"labelExpr": SHORT, "tickCount": 6} | marks
    return {"x": across, "y": up}


def _mapped(domain: list[int], values: list[str]) -> dict[str, Any]:
    return {"field": "s", "type": "nominal", "legend": None, "scale": {"domain": domain, "range": values}}


def drawn(spec: dict[str, Any]) -> str:
    """The SVG of a Vega-Lite specification, as wide as its place allows."""
    import vl_convert

    svg = vl_convert.vegalite_to_svg(spec, VEGA_LITE)
    svg = re.sub(r' width="[\d.]+" height="[\d.]+" viewBox', ' aria-hidden="true" viewBox', svg, count=1)
    # Hundredths of a pixel are enough where it is pixels; the text of an axis stays as it is.
    svg = re.sub(r' (?:d|transform)="[^"]*"', lambda place: re.sub(r"(\d\.\d{2})\d+", r"\1", place[0]), svg)
    return svg.replace(' xmlns:xlink="http://www.w3.org/1999/xlink"', "")


def spans(found: Sequence[Point], factor: float = 50.0) -> bool:
    """Whether values are all positive and range so widely that only a logarithmic axis shows them."""
    values = [point["y"] for point in found if point["y"] is not None]
    return bool(values) and min(values) > 0 and max(values) > factor * min(values)
