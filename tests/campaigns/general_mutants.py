"""Random networks, losses and optimizers, mistakes of the catalogue planted: how many are noticed and named.

Run as `python tests/campaigns/general_mutants.py [--problems N] [--each K] [--seed S]`. Each of N random problems (at
most 3 layers of 8 units) has K mistakes planted, drawn from all of its catalogue, each in one element; and each of N
random optimizers all of its wrong updates. Prints a table in Markdown, and what was missed to standard error; exit
status 1 where a mistake is missed that is not one and the same formula.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from any_network import any_optimizer, any_problem, start, targets

from comparisons import check
from comparisons.mutants import catalogue
from comparisons.planted import Planting, candidate_with
from comparisons.update_diagnosis import diagnosed_updates, wrong_places
from comparisons.verdict import Verdict
from comparisons.wrong_training import wrongly_trained
from comparisons.wrong_updates import wrong_updates
from manual.train import train
from problems.network import Network
from problems.problem import Optimizer, Problem
from problems.trace import Trace

MOST_UNITS, MOST_LAYERS, ROWS = 8, 3, 12


@dataclass
class Count:
    """How many were planted, the same (in this training every number is the right one), noticed, named (the place and
    the name are right), and named first, before others."""

    planted: int = 0
    same: Counter[str] = field(default_factory=Counter)
    noticed: int = 0
    named: int = 0
    first: int = 0
    missed: list[str] = field(default_factory=list)
    unnamed: Counter[str] = field(default_factory=Counter)


def small_problem(rng: np.random.Generator, name: str) -> Problem:
    """A random problem cut to size, trained by plain descent from a random start."""
    drawn = any_problem(rng, name)
    layers = min(len(drawn.network.units), MOST_LAYERS)
    units = tuple(int(rng.integers(1, MOST_UNITS + 1)) for _ in range(layers - 1))
    last = max(int(rng.integers(1, 5)), 2 if "categorical" in drawn.loss else 1)
    network = Network(
        inputs=int(rng.integers(1, 5)), units=(*units, last), activations=drawn.network.activations[-layers:]
    )
    return Problem(
        name=name,
        x=rng.uniform(-3, 3, (ROWS, network.inputs)),
        y=targets(rng, drawn.loss, ROWS, last, hard=True),
        network=network,
        loss=drawn.loss,
        l2=drawn.l2,
        initial={key: start(rng, shape) for key, shape in network.parameter_shapes.items()},
        optimizer=Optimizer(learning_rate=0.01),
        epochs=1,
        batch_size=int(rng.integers(1, 5)),
        start=f"drawn for {name}",
    )


def plant(problem: Problem, planting: Planting, count: Count) -> None:
    """One mistake: whether the check notices it, and whether it says which it is."""
    mutant, index = planting
    with np.errstate(all="ignore"):
        wrong = candidate_with(problem, [planting], gradients=True)
        found = check(wrong, problem)
    count.planted += 1
    if found.verdict is not Verdict.DISAGREES:
        count.missed.append(f"{problem.name}: {mutant.quantity}{list(index)} {mutant.text}")
        return
    count.noticed += 1
    told = {(one.parameter, one.index): one for one in found.diagnoses}
    one = told.get((mutant.quantity, index))
    names = [] if one is None else [set(one.mistakes), *map(set, one.alternatives)]
    alone = len(told) == 1
    count.named += alone and set(mutant.mistakes) in names
    count.first += alone and names[:1] == [set(mutant.mistakes)]
    if not (alone and set(mutant.mistakes) in names):
        got = "; ".join(f"{d.parameter}{list(d.index)} {d.explanation}" for d in found.diagnoses)[:160]
        count.unnamed[f"{problem.name} {problem.loss}: {mutant.quantity}{list(index)} {mutant.text} -> {got}"] += 1


def updates(problem: Problem, count: Count) -> None:
    """Every wrong update of a random optimizer, in all elements."""
    with np.errstate(all="ignore"):
        right = Trace.record(problem, train(problem), implementation="manual-matrix")
    for wrong in wrong_updates(problem.optimizer):
        with np.errstate(all="ignore"):
            trace = Trace.record(problem, wrongly_trained(problem, wrong), implementation="wrong")
            places = wrong_places(trace)
            told = diagnosed_updates(trace) if len(places) else []
        count.planted += 1
        if not len(places):
            if the_same(trace, right):
                count.same[wrong.text] += 1
            else:
                count.missed.append(f"{problem.name} {problem.optimizer}: {wrong.text}")
            continue
        count.noticed += 1
        named = [{wrong.mistake} in [set(one.mistakes), *map(set, one.alternatives)] for one in told]
        count.named += all(named)
        count.first += all(one.mistakes == (wrong.mistake,) for one in told)
        if not all(named):
            count.unnamed[f"{problem.name} {problem.optimizer.name}: {wrong.text} -> {told[0].explanation[:160]}"] += 1


def the_same(one: Trace, other: Trace) -> bool:
    """Whether two trainings have all parameters alike to the last bit: a threshold that none of them reaches."""
    return all(np.array_equal(values, other.parameters[name]) for name, values in one.parameters.items())


def row(what: str, count: Count, seconds: float) -> str:
    """A line of the table."""
    numbers = f"{count.planted:,} | {count.same.total():,} | {count.noticed:,} | {count.named:,} | {count.first:,}"
    return f"| {what} | {numbers} | {seconds:.0f} s |"


def run(problems: int, each: int, seed: int) -> tuple[Count, Count, float, float]:
    """Both parts of the campaign, and the seconds that each took."""
    formulas, of_updates = Count(), Count()
    started = time.perf_counter()
    for number in range(problems):
        rng = np.random.default_rng([seed, number])
        problem = small_problem(rng, f"general-{seed}-{number}")
        every = list(catalogue(problem))
        for place in rng.choice(len(every), min(each, len(every)), replace=False):
            plant(problem, every[place], formulas)
    between = time.perf_counter()
    for number in range(problems):
        rng = np.random.default_rng([seed, number, 1])
        problem = small_problem(rng, f"update-{seed}-{number}").changed(optimizer=any_optimizer(rng, "any"), epochs=3)
        updates(problem, of_updates)
    return formulas, of_updates, between - started, time.perf_counter() - between


def main() -> None:
    """The whole campaign."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problems", type=int, default=60, help="how many random problems and optimizers (60)")
    parser.add_argument("--each", type=int, default=15, help="how many mistakes in each (15)")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    formulas, of_updates, first, second = run(asked.problems, asked.each, asked.seed)
    print("| planted in | how many | the same | noticed | named | named first | time |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    print(row("formulas", formulas, first))
    print(row("updates", of_updates, second))
    for text, times in of_updates.same.most_common():
        print(f"the same, {times}: {text}", file=sys.stderr)
    for line in (*formulas.missed, *of_updates.missed):
        print(f"missed: {line}", file=sys.stderr)
    for line in (*formulas.unnamed, *of_updates.unnamed):
        print(f"not named: {line}", file=sys.stderr)
    sys.exit(bool(formulas.missed or of_updates.missed))


if __name__ == "__main__":
    main()
