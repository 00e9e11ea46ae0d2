"""The kill matrix as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from comparisons.messages import counted, place, setting
from comparisons.sensitivity import Planted, Sensitivity
from comparisons.verdict import BlindSpots

SHOWN_SURVIVORS = 40


def matrix_text(found: Sensitivity, spots: BlindSpots | None) -> str:
    """The whole report, plain text."""
    return "\n".join(_lines(found, spots))


def _lines(found: Sensitivity, spots: BlindSpots | None) -> Iterator[str]:
    survivors = found.survivors
    yield setting(found.problem)
    yield (
        f"{counted(len(found.planted), 'mistake')} planted one at a time, "
        f"{counted(found.steps, 'step')} trained with each, "
        f"held against {_check(found)}: {len(found.planted) - len(survivors)} noticed, {len(survivors)} not"
    )
    yield ""
    yield "Noticed of planted, per mistake and formula"
    yield from _matrix(found)
    if survivors:
        yield ""
        yield "Not noticed"
        yield from _grouped(survivors)
    for cause in spots.causes if spots and survivors else ():
        yield f"Why: {cause}"
    if survivors:
        yield "Another start or other rows may show more: try --initial random:1"


def _check(found: Sensitivity) -> str:
    if found.tolerance is None:
        return "the derived bound (loss, gradients and parameters of every step)"
    return (
        f"allclose at rtol {found.tolerance.rtol:g}, atol {found.tolerance.atol:g} (loss and parameters of every step)"
    )


def _matrix(found: Sensitivity) -> Iterator[str]:
    formulas = _unique(one.mutant.quantity for one in found.planted)
    mistakes = _unique(one.mutant.mistakes[0] for one in found.planted)
    rows = [["mistake", *formulas]]
    rows += [[mistake, *(_cell(found.planted, formula, mistake) for formula in formulas)] for mistake in mistakes]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(
            [f"{row[0]:<{widths[0]}}", *(f"{cell:>{w}}" for cell, w in zip(row[1:], widths[1:], strict=True))]
        )


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _cell(planted: Iterable[Planted], formula: str, mistake: str) -> str:
    here = [one for one in planted if one.mutant.quantity == formula and one.mutant.mistakes[0] == mistake]
    return f"{sum(one.killed for one in here)}/{len(here)}" if here else "-"


def _grouped(survivors: list[Planted]) -> Iterator[str]:
    groups: dict[tuple[str, str], list[str]] = {}
    for one in survivors:
        key = (one.mutant.mistakes[0], one.mutant.text)
        groups.setdefault(key, []).append(place(one.mutant.quantity, one.index))
    for (mistake, text), places in list(groups.items())[:SHOWN_SURVIVORS]:
        yield f"  {', '.join(places)}: {mistake}: {text}"
    if len(groups) > SHOWN_SURVIVORS:
        yield f"  and {len(groups) - SHOWN_SURVIVORS} more kinds; --json has all"


def as_json(found: Sensitivity) -> str:
    """Every planted mistake with its fate."""
    tolerance = found.tolerance
    document = {
        "schema": 1,
        "problem": found.problem.name,
        "start": found.problem.start,
        "steps": found.steps,
        "tolerance": "derived" if tolerance is None else {"rtol": tolerance.rtol, "atol": tolerance.atol},
        "planted": len(found.planted),
        "noticed": len(found.planted) - len(found.survivors),
        "mutants": [
            {
                "parameter": one.mutant.quantity,
                "index": list(one.index),
                "mistake": one.mutant.mistakes[0],
                "explanation": one.mutant.text,
                "killed": one.killed,
            }
            for one in found.planted
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
