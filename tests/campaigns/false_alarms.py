"""No false alarm: random steps of every installed implementation agree, or deviate as is known; wrong ones do not.

Run as `python tests/campaigns/false_alarms.py [--steps N] [--seed S]`. Prints tables in Markdown; exit status 1 where
a step is outside its bound with no known deviation to explain it, or a planted mistake is not caught.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from planted import Planted, plant
from random_problems import ordinary, random_problems

from comparisons.audit import chunks, judge, observed_at
from comparisons.compare import judged_trace, silent, train_here
from comparisons.implementations import IMPLEMENTATIONS, NAMES, installed, version
from comparisons.messages import disagreement
from comparisons.tally import Tally
from comparisons.verdict import Verdict
from comparisons.workers import Outcome, train_all
from manual.network import forward
from problems.catalogue import DESCRIPTIONS
from problems.dtypes import COMPUTED
from problems.problem import Problem
from problems.trace import Trace

TIMEOUT = 1800.0  # seconds for one framework
Cell = tuple[str, str, str]  # implementation, lesson, dtype


@dataclass
class Count:
    """What became of the steps of one implementation on one lesson in one dtype.

    agree: every element of the step within its bound or not told; known: outside, as a known deviation explains;
    undone: from the first step on whose numbers are not finite because a probability rounded to 0 or 1;
    alarms: outside with no explanation. compared and not_told count elements of all but the undone steps.
    least_pull: the smallest |z| of the output at which anything was not told.
    planted, ordinary: mistakes planted into float64 traces that agree; the ordinary ones, from numbers of ordinary
    size on the lesson's own rows, must be caught one and all.
    """

    trainings: int = 0
    agree: int = 0
    known: int = 0
    undone: int = 0
    alarms: int = 0
    compared: int = 0
    not_told: int = 0
    worst: float = 0.0
    least_pull: float = np.inf
    texts: set[str] = field(default_factory=set)
    messages: list[str] = field(default_factory=list)
    planted: Planted = field(default_factory=Planted)
    ordinary: Planted = field(default_factory=Planted)

    @property
    def steps(self) -> int:
        """All steps seen."""
        return self.agree + self.known + self.undone + self.alarms


def add(count: Count, trace: Trace) -> None:
    """Count the steps of one trace in."""
    count.trainings += 1
    whole = trace
    trace = whole.part(0, finite_steps(whole))
    count.undone += whole.steps - trace.steps
    if not trace.steps:
        return
    tallies = tallied(trace)
    wrong = set().union(*(tally.wrong_steps for tally in tallies))
    count.compared += sum(tally.compared for tally in tallies)
    count.not_told += sum(tally.not_told for tally in tallies)
    count.agree += trace.steps - len(wrong)
    untold = sorted(set().union(*(tally.untold_steps for tally in tallies)))
    count.least_pull = min([count.least_pull, *(pull(trace, step - 1) for step in untold)])
    if wrong:
        explain(count, of_whole_length(trace), len(wrong))
    else:
        count.worst = max([count.worst, *(tally.worst.ratio for tally in tallies if tally.worst)])
        if trace.problem.dtype == "float64":
            plant(trace, count.ordinary if trace.problem.start.startswith("ordinary:") else count.planted)


def finite_steps(trace: Trace) -> int:
    """How many steps are before the first that is not finite because a probability rounded to 0 or 1; or all."""
    reported = [trace.loss, *trace.gradients.values(), *trace.parameters.values()]
    broken = [~np.isfinite(values).reshape(trace.steps, -1).all(axis=1) for values in reported]
    places = np.flatnonzero(np.any(broken, axis=0))
    return int(places[0]) if len(places) and certain(trace, int(places[0])) else trace.steps


def certain(trace: Trace, position: int) -> bool:
    """Whether an output of the step is a sigmoid that rounds to 0 or 1."""
    if trace.problem.loss != "binary_cross_entropy":
        return False
    digits = np.finfo(trace.problem.dtype).nmant + 1
    return pull(trace, position) > (digits - 1) * np.log(2)


def pull(trace: Trace, position: int) -> float:
    """The largest |z| of the output over the rows of the step."""
    rows = trace.rows[position]
    state = {name: trace.before(name, np.array([position]))[0].astype(float) for name in trace.initial}
    _, cache = forward(trace.problem.network, state, trace.problem.x[rows[rows >= 0]].astype(float))
    return float(np.abs(cache.z[-1]).max())


def tallied(trace: Trace) -> list[Tally]:
    """The audit's own bookkeeping, which knows every step."""
    names = ["loss", *(f"{what}.{name}" for what in ("gradient", "parameter") for name in trace.initial)]
    tallies = {name: Tally(name, trace.problem.dtype) for name in names}
    for positions in chunks(trace):
        judge(observed_at(trace, positions), tallies)
    return list(tallies.values())


def of_whole_length(trace: Trace) -> Trace:
    """The trace of a problem that ends where the trace does."""
    rows = trace.steps * trace.problem.batch_size
    problem = trace.problem.changed(x=trace.problem.x[:rows], y=trace.problem.y[:rows])
    return Trace(
        problem=problem,
        implementation=trace.implementation,
        initial=trace.initial,
        rows=trace.rows,
        loss=trace.loss,
        gradients=trace.gradients,
        parameters=trace.parameters,
    )


def explain(count: Count, trace: Trace, wrong: int) -> None:
    """Count `wrong` steps as known or as alarms, by the verdict that a user would get."""
    result = judged_trace(trace, version=None)
    if result.known_deviation is not None and result.verdict is Verdict.DISAGREES:
        count.known += wrong
        count.texts.add(result.known_deviation)
    else:
        count.alarms += wrong
        count.messages += [f"{trace.problem.name}: {line}" for line in disagreement(result, None)]


def trained(names: Iterable[str], problems: list[Problem]) -> Iterator[tuple[str, list[Outcome], float]]:
    """Each implementation with its outcomes and the seconds that it took, one framework at a time."""
    for name in names:
        started = time.perf_counter()
        if IMPLEMENTATIONS[name].by_hand:
            outcomes = [train_here(name, problem) for problem in problems]
        else:
            outcomes = train_all([name], problems, timeout=TIMEOUT, progress=silent)[name]
        yield name, outcomes, time.perf_counter() - started


def drawn(seed: int, steps: int) -> dict[tuple[str, str], list[Problem]]:
    """At least `steps` steps, a quarter for each lesson in each dtype, after one training of ordinary numbers each."""
    cells = [(lesson, dtype) for lesson in DESCRIPTIONS for dtype in COMPUTED]
    return {
        (lesson, dtype): [ordinary(lesson, dtype, seed), *random_problems(seed, lesson, dtype, -(-steps // 4))]
        for lesson, dtype in cells
    }


def campaign(names: Iterable[str], seed: int, steps: int) -> tuple[dict[Cell, Count], dict[str, float]]:
    """Every count, and the seconds of training for each implementation. Raises RuntimeError where one crashed."""
    problems = drawn(seed, steps)
    cells = [cell for cell, several in problems.items() for _ in several]
    counts: dict[Cell, Count] = {}
    seconds = {}
    for name, outcomes, took in trained(names, [problem for several in problems.values() for problem in several]):
        seconds[name] = took
        print(f"{name}: trained in {took:.0f} s", file=sys.stderr, flush=True)
        for (lesson, dtype), outcome in zip(cells, outcomes, strict=True):
            if outcome.crashed:
                raise RuntimeError(f"{name}: {outcome.crashed}")
            if outcome.trace is not None:
                add(counts.setdefault((name, lesson, dtype), Count()), outcome.trace)
    return counts, seconds


def table(counts: dict[Cell, Count]) -> Iterator[str]:
    """One row per implementation, lesson and dtype."""
    columns = ("trainings", "steps", "agree", "known deviation", "undone", "false alarms")
    columns += ("elements compared", "not told", "from \\|z\\|", "worst ratio")
    yield f"| implementation | lesson | dtype | {' | '.join(columns)} |"
    yield "|---|---|---|" + "--:|" * len(columns)
    for (name, lesson, dtype), count in counts.items():
        numbers = [count.trainings, count.steps, count.agree, count.known, count.undone, count.alarms]
        numbers += [count.compared, count.not_told]
        pulled = f"{count.least_pull:.1f}" if count.not_told else ""
        worst = f"{count.worst:.2f}" if count.agree else ""
        yield f"| {name} | {lesson} | {dtype} | " + " | ".join([*(f"{n:,}" for n in numbers), pulled, worst]) + " |"


def planted_table(counts: dict[Cell, Count]) -> Iterator[str]:
    """One row per implementation and lesson in float64."""
    columns = ("planted", "caught", "not told", "exactly 0", "below the bound", "audited alone")
    yield f"| implementation | lesson | numbers | {' | '.join(columns)} |"
    yield "|---|---|---|" + "--:|" * len(columns)
    for (name, lesson, _), count in counts.items():
        for numbers, done in (("ordinary", count.ordinary), ("of every size", count.planted)):
            if done.elements:
                found = [done.elements, done.caught, done.not_told, done.zero, done.below, done.alone]
                yield f"| {name} | {lesson} | {numbers} | " + " | ".join(f"{n:,}" for n in found) + " |"


def failures(counts: dict[Cell, Count]) -> list[str]:
    """What must not be: false alarms, and planted mistakes that should have been caught and were not."""
    lines = []
    for cell, count in counts.items():
        lines += [*count.messages, *count.planted.missed, *count.ordinary.missed]
        if count.alarms or count.ordinary.caught < count.ordinary.elements:
            lines.append(f"{cell}: {count.alarms} false alarms, {count.ordinary}")
    return lines


def main() -> int:
    """Run the campaign and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=10_000, help="random steps for each implementation")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--implementations", default=",".join(NAMES), help="names, separated by commas")
    options = parser.parse_args()
    started = time.perf_counter()
    names = [name for name in options.implementations.split(",") if installed(name)]
    counts, seconds = campaign(names, options.seed, options.steps)
    took = time.perf_counter() - started
    print(f"seed {options.seed}, {sum(c.steps for c in counts.values()):,} steps in {took:.0f} s: ", end="")
    print(", ".join(f"{name} ({version(name)}) {seconds[name]:.0f} s" for name in names), "\n")
    print("\n".join(table(counts)), "\n")
    print("\n".join(planted_table(counts)), flush=True)
    for text in sorted(set().union(*(count.texts for count in counts.values()))):
        print(f"\nknown: {text}")
    bad = failures(counts)
    print("\n".join(bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
