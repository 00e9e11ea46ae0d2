"""Diagnoses in words: those that say the same together, their elements named, a whole tensor by its own name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from comparisons.diagnosis import UNKNOWN
from comparisons.messages import place
from comparisons.mistakes import IN_WORDS
from comparisons.verdict import Diagnosis, Result
from problems.problem import Problem

SHOWN_ELEMENTS = 6


def together(diagnoses: Sequence[Diagnosis], *, each_unknown: bool = False) -> list[list[Diagnosis]]:
    """Diagnoses that say the same of the same kind of thing; what is unknown is one thing unless asked for each."""
    groups: dict[tuple[object, ...], list[Diagnosis]] = {}
    for one in diagnoses:
        of = "everything" if one.explanation.startswith("everything") or one.mistakes == ("precision",) else one.of
        explanation = one.explanation if one.mistakes != UNKNOWN or each_unknown else ""
        groups.setdefault((of, one.mistakes, explanation), []).append(one)
    return list(groups.values())


def elements(problem: Problem, group: Sequence[Diagnosis]) -> list[str]:
    """The elements by name; a tensor that is in it as a whole by its own."""
    names: list[str] = []
    for parameter, indices in _by_parameter(group).items():
        whole = parameter != "loss" and len(indices) == problem.initial[parameter].size > 1
        names += [f"all of {parameter}"] if whole else [place(parameter, index) for index in indices]
    return names


def shortened(names: Sequence[str]) -> str:
    """The first of the names, and how many more there are."""
    more = f" and {len(names) - SHOWN_ELEMENTS} more" if len(names) > SHOWN_ELEMENTS else ""
    return f"{', '.join(names[:SHOWN_ELEMENTS])}{more}"


def named(diagnosis: Diagnosis) -> str:
    """The mistakes in plain words, their names behind them."""
    words = " and ".join(IN_WORDS[name] for name in diagnosis.mistakes)
    return f"{words} ({', '.join(diagnosis.mistakes)})"


def explanation(group: Sequence[Diagnosis]) -> str:
    """What is wrong with the elements of `group`, said of the first."""
    first = group[0]
    if first.mistakes == UNKNOWN:
        return first.explanation + (f" (in {place(first.parameter, first.index)})" if len(group) > 1 else "")
    if not first.explanation.startswith("matches"):
        return first.explanation
    subject = f"the {first.of}" if all(one.of == first.of for one in group) else "each"
    return f"{subject} {first.explanation}"


def telling(result: Result) -> list[Diagnosis]:
    """The diagnoses of `result` that say anything beside its known deviation."""
    return [one for one in result.diagnoses if not (result.known_deviation and one.mistakes == ("unknown",))]


def mistake_lines(problem: Problem, diagnoses: Sequence[Diagnosis]) -> Iterator[str]:
    """Each mistake once: the elements it is in and its name, and below them the explanation."""
    for group in together(diagnoses):
        yield f"{shortened(elements(problem, group))}: {named(group[0])}"
        yield f"  {explanation(group)}"


def _by_parameter(group: Sequence[Diagnosis]) -> dict[str, list[tuple[int, ...]]]:
    found: dict[str, list[tuple[int, ...]]] = {}
    for one in group:
        indices = found.setdefault(one.parameter, [])
        if one.index not in indices:
            indices.append(one.index)
    return found
