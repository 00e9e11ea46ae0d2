"""ms of a training whose program is compiled anew, and of one that finds it kept, in turns, medians.

python benchmarks/kept_programs.py [--rounds R] [--problem NAME]

Each implementation trains in one process, as a campaign has it. Every round has a learning rate of its own, whose
program is compiled anew, and then trains once more from another start.
"""

from __future__ import annotations

import argparse
from contextlib import closing
from statistics import median

from comparisons.campaign.served import Served
from comparisons.implementations import installed
from comparisons.requests import changed, problem_for
from problems.problem import Problem

TRAINED = (("jax", False), ("jax", True), ("keras-jax", True), ("keras-tensorflow", True))
TIMEOUT = 600.0


def seconds(served: Served, problem: Problem) -> float:
    """Seconds that training takes, importing and handing over left out."""
    outcome = served.train(problem, TIMEOUT)
    assert outcome.trace is not None, outcome.crashed
    return outcome.seconds["train"]


def measured(name: str, fast: bool, problem: Problem, rounds: int) -> list[tuple[float, float]]:
    """Compiled anew and kept, by round, after one that is not counted."""
    found = []
    with closing(Served(name, fast=fast)) as served:
        for number in range(rounds + 1):
            rate = problem.optimizer.learning_rate * (1 + number / 1000)
            first, second = (
                changed(problem, {"initial": f"random:{2 * number + one}", "learning_rate": rate}) for one in (0, 1)
            )
            found.append((seconds(served, first), seconds(served, second)))
    return found[1:]


def main() -> None:
    """Print a line for each implementation that compiles."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--problem", default="classification")
    arguments = parser.parse_args()
    problem = problem_for(arguments.problem)
    for name, fast in TRAINED:
        if installed(name):
            found = measured(name, fast, problem, arguments.rounds)
            anew, kept = (1000 * median(times) for times in zip(*found, strict=True))
            ratio = median(one / other for one, other in found)
            label = f"{name} (fast)" if fast else name
            print(f"{label:<24} compiled anew {anew:7.1f} ms  kept {kept:6.1f} ms  ratio {ratio:5.0f}", flush=True)


if __name__ == "__main__":
    main()
