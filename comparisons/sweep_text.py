"""A sweep as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from comparisons.chart import LETTERS, SEVERAL, chart
from comparisons.convergence import CRITERION
from comparisons.json_report import number, numbers
from comparisons.messages import counted, setting
from comparisons.sweep import HALF, MARGIN, Descent, Sweep, Tried

SCHEMA = 1
PERCENT, BEST = f"{100 * MARGIN:g} % of F(0)", f"{100 * HALF:g} % of what it falls at the best of these rates"
CRITERIA = (
    "The verdicts: F is the loss over all rows, F(0) before training; the first that fits counts.",
    f"  diverges    a loss is not finite, or F ends more than {PERCENT} above F(0)",
    f"  overshoots  F rises by more than {PERCENT} in some epoch, but does not diverge",
    f"  slow        F falls by less than {BEST}, or by less than {PERCENT}",
    "  converges   none of these",
)


def sweep_text(found: Sweep) -> str:
    """The whole report, plain text."""
    return "\n".join(_lines(found))


def _lines(found: Sweep) -> Iterator[str]:
    yield _setting(found)
    if found.tolerance is not None:
        yield f"Each rate stops after its first epoch in which {CRITERION} is below {found.tolerance:g} at every step"
    yield ""
    yield f"Loss over all rows; before training it is {found.start:.6g}"
    yield from _table(found)
    yield ""
    drawn = found.tried[: len(LETTERS)]
    more = f"; the first {len(drawn)} of {len(found.tried)} rates" if len(drawn) < len(found.tried) else ""
    yield f"Loss over all rows, logarithmic ({SEVERAL} several rates{more})"
    yield from chart([tried.losses for tried in drawn])
    yield ""
    yield from CRITERIA


def _setting(found: Sweep) -> str:
    """The problem in one line, with the number of rates where its own rate stands."""
    optimizer = found.problem.optimizer
    own = f"{optimizer.name} at {optimizer.learning_rate:g}"
    many = f"{optimizer.name} at {counted(len(found.tried), 'rate')}"
    return setting(found.problem).replace(own, many, 1)


def _table(found: Sweep) -> Iterator[str]:
    epochs = ["epochs"] if found.tolerance is not None else []
    rows = [["", "rate", *epochs, "after epoch 1", "after the last", "smallest", "verdict"]]
    for place, tried in enumerate(found.tried):
        letter = LETTERS[place] if place < len(LETTERS) else ""
        numbers = (f"{value:.6g}" for value in (tried.losses[1], tried.losses[-1], smallest(tried)))
        stopped = [f"{len(tried.averages):,}{' ' if tried.converged else '+'}"] if epochs else []
        rows.append([letter, f"{tried.rate:g}", *stopped, *numbers, f"{tried.verdict:<10}  {why(found, tried)}"])
    widths = [max(map(len, column)) for column in zip(*(row[:-1] for row in rows), strict=True)]
    for row in rows:
        cells = (f"{cell:>{width}}" for cell, width in zip(row[:-1], widths, strict=True))
        yield "  ".join([*cells, row[-1]])
    if epochs:
        yield "(+ not converged by then)"


def smallest(tried: Tried) -> float:
    """The smallest F, the start included."""
    return float(np.nanmin(tried.losses)) if not np.isnan(tried.losses).all() else float("nan")


def why(found: Sweep, tried: Tried) -> str:
    """What the verdict saw, in a few words."""
    start, last = found.start, float(tried.losses[-1])
    if tried.verdict is Descent.DIVERGES:
        gone = ~np.isfinite(tried.losses[1:]) | ~np.isfinite(tried.averages)
        return f"not finite in epoch {int(np.argmax(gone)) + 1}" if gone.any() else f"ends {_above(last, start)}"
    if tried.verdict is Descent.OVERSHOOTS:
        rises = np.diff(tried.losses)
        return f"rises by {_share(rises.max(), start)} of F(0) in epoch {int(np.argmax(rises)) + 1}"
    if last > start:
        return f"ends {_above(last, start)}"
    fall = f"falls by {_share(start - last, start)} of F(0)"
    return f"{fall}, the best by {_share(found.best_fall, start)}" if tried.verdict is Descent.SLOW else fall


def _above(last: float, start: float) -> str:
    return (
        f"{last / start:.3g} times as high as F(0)" if last > 2 * start else f"{_share(last - start, start)} above F(0)"
    )


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.3g} %" if whole else "0 %"


def as_json(found: Sweep) -> str:
    """One object: every rate with its losses; floats as in the JSON of a comparison."""
    problem = found.problem
    document = {
        "schema": SCHEMA,
        "problem": problem.name,
        "dtype": problem.dtype,
        "start": problem.start,
        "order": problem.order,
        "epochs": problem.epochs,
        "until_converged": found.tolerance,
        "initial_loss": number(found.start),
        "criteria": {"margin": MARGIN, "half": HALF, "text": list(CRITERIA)},
        "rates": [_record(found, tried) for tried in found.tried],
    }
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _record(found: Sweep, tried: Tried) -> dict[str, Any]:
    """losses: over all rows after each epoch; averages: as `compare` has them under `epochs`."""
    return {
        "learning_rate": tried.rate,
        "verdict": str(tried.verdict),
        "why": why(found, tried),
        "first": number(tried.losses[1]),
        "last": number(tried.losses[-1]),
        "smallest": number(smallest(tried)),
        "epochs": len(tried.averages),
        "converged": tried.converged if found.tolerance is not None else None,
        "losses": numbers(tried.losses[1:].tolist()),
        "averages": numbers(tried.averages.tolist()),
    }
