"""Every mistake of the catalogue planted, and pairs of them: how many are killed, how many named, and which are not.

Run as `python tests/campaigns/diagnosis_campaign.py [--pairs N] [--seed S]`. Prints a table in Markdown and what was
not named; exit status 1 where a mistake survives.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

import numpy as np

from comparisons import check
from comparisons.mutants import catalogue, double_mutants, elements, quantities
from comparisons.planted import Planting, candidate_with
from comparisons.verdict import Verdict
from problems.catalogue import DESCRIPTIONS, named_problem
from problems.problem import Problem


def pairs(problem: Problem, count: int, seed: int) -> list[Planting]:
    """A sample of two mistakes in one formula, each in one element."""
    every = [
        (mutant, index)
        for quantity in quantities(problem.network)
        for mutant in double_mutants(problem, quantity)
        for index in elements(problem.network, quantity)
        if mutant.changes(index)
    ]
    chosen = np.random.default_rng(seed).choice(len(every), min(count, len(every)), replace=False)
    return [every[k] for k in chosen]


def row(problem: Problem, what: str, plantings: Sequence[Planting], gradients: bool) -> bool:
    """Plant each, print a line of the table and what was not named; whether all were killed."""
    killed, named, ambiguous, missed, started = 0, 0, 0, [], time.perf_counter()
    for mutant, index in plantings:
        with np.errstate(all="ignore"):
            found = check(candidate_with(problem, [(mutant, index)], gradients=gradients), problem)
        told = {(one.parameter, one.index): set(one.mistakes) for one in found.diagnoses}
        right = told == {(mutant.quantity, index): set(mutant.mistakes)}
        killed += found.verdict is Verdict.DISAGREES
        named += right
        ambiguous += any(one.alternatives for one in found.diagnoses)
        if not right:
            missed.append((mutant, index, found.diagnoses))
    seconds = time.perf_counter() - started
    judged = "gradients and update" if gradients else "update"
    count = len(plantings)
    print(f"| {problem.name} | {what} | {judged} | {count} | {killed} | {named} | {ambiguous} | {seconds:.0f} s |")
    for mutant, index, diagnoses in missed:
        places = "; ".join(f"{one.parameter}{list(one.index)} {one.explanation}" for one in diagnoses)
        print(f"  not named: {mutant.quantity}{list(index)} {mutant.text}; told: {places}", file=sys.stderr)
    return killed == count


def main() -> None:
    """The whole campaign."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=200, help="how many pairs of mistakes a problem (200)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the sample of pairs (0)")
    asked = parser.parse_args()
    print("| problem | planted | judged by | how many | killed | named exactly | ambiguous | time |")
    print("|---|---|---|---:|---:|---:|---:|---:|")
    ends = []
    for name in DESCRIPTIONS:
        problem = named_problem(name)
        ends += [row(problem, "one mistake", list(catalogue(problem)), gradients) for gradients in (False, True)]
        ends.append(row(problem, "two mistakes", pairs(problem, asked.pairs, asked.seed), False))
    sys.exit(not all(ends))


if __name__ == "__main__":
    main()
