"""No false alarm on any network: random problems over the whole space agree, or deviate as is known.

Run as `python tests/campaigns/any_network_campaign.py [--problems N] [--everywhere M] [--seed S] [--fast]`: by hand and
in PyTorch until PyTorch has trained N problems, the first M drawn by every installed implementation. Prints tables in
Markdown; exit status 1 where a step is outside its bound with no known deviation to explain it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from any_network import any_problems

from comparisons.audit import audit
from comparisons.compare import silent, train_here
from comparisons.implementations import IMPLEMENTATIONS, NAMES, installed, version
from comparisons.known_deviations import known_deviation
from comparisons.messages import disagreement
from comparisons.verdict import Result, Verdict
from comparisons.workers import Outcome, train_all
from manual.network import forward
from problems.dtypes import STORED, rounded, smallest_normal
from problems.problem import Problem
from problems.trace import Trace

TIMEOUT = 1800.0  # seconds for one framework and one round
ROUND = 50  # problems whose traces are held at once
PAIR = ("manual-matrix", "torch")


@dataclass
class Count:
    """What became of the problems of one implementation in one dtype.

    agree, known, alarms: by verdict; undone: right up to a step in which a probability that the loss takes the
    logarithm of, or what an update divides by, rounds to 0, and not finite from there on; blind: nothing is told, as of
    wide layers in bfloat16; skipped: what the implementation cannot express, by reason; compared, not_told: elements;
    worst: the largest share of its bound that anything took.
    """

    agree: int = 0
    known: int = 0
    undone: int = 0
    blind: int = 0
    alarms: int = 0
    steps: int = 0
    compared: int = 0
    not_told: int = 0
    worst: float = 0.0
    skipped: Counter[str] = field(default_factory=Counter)
    texts: Counter[str] = field(default_factory=Counter)
    messages: list[str] = field(default_factory=list)

    @property
    def trained(self) -> int:
        """Problems that it could express."""
        return self.agree + self.known + self.undone + self.blind + self.alarms


def add(count: Count, problem: Problem, outcome: Outcome) -> None:
    """Count what one implementation made of one problem."""
    if outcome.skipped:
        count.skipped[outcome.skipped] += 1
    elif outcome.trace is None:
        count.alarms += 1
        count.messages.append(f"{problem.name}: crashed: {outcome.crashed}")
    else:
        judge(count, problem, undiagnosed(outcome.trace))


def undiagnosed(trace: Trace) -> Result:
    """The verdict, with no search for the reason: where one is looked for here, all of it is a false alarm."""
    found = audit(trace)
    return Result(
        name=trace.implementation,
        verdict=found.verdict,
        known_deviation=known_deviation(trace, found),
        audit=found,
        trace=trace,
    )


def judge(count: Count, problem: Problem, result: Result) -> None:
    """Count a verdict."""
    audit = result.audit
    assert audit is not None
    count.steps += audit.steps
    count.compared += audit.compared
    count.not_told += audit.not_told
    if result.verdict is Verdict.AGREES:
        count.agree += 1
        count.worst = max(count.worst, audit.worst.ratio if audit.worst else 0.0)
    elif result.verdict is Verdict.BLIND and not audit.wrong_steps:
        count.blind += 1
    elif result.known_deviation is not None:
        count.known += 1
        count.texts[result.known_deviation] += 1
    elif undone(result):
        count.undone += 1
    else:
        count.alarms += 1
        count.messages += [f"{problem.name}: {line}" for line in disagreement(result, None)]


def undone(result: Result) -> bool:
    """Whether the first bad step is not finite because something rounds to 0.

    A probability that the loss takes the logarithm of (or 1 less that); in a format for storage also what an update
    divides by: an epsilon, or the root of the square of a gradient.
    """
    assert result.audit is not None
    assert result.trace is not None
    if not result.audit.deviations:
        return False
    first, trace = result.audit.deviations[0], result.trace
    problem = trace.problem
    deviations = [(one.actual, one.bound) for one in result.audit.deviations]
    if problem.dtype in STORED and not np.isfinite(deviations).any():
        return True
    if np.isfinite(first.actual) or problem.loss.endswith("with_logits") or "entropy" not in problem.loss:
        return False
    state = {name: trace.before(name, np.array([first.step - 1]))[0] for name in trace.initial}
    rows = trace.rows[first.step - 1]
    y_hat, _ = forward(problem.network, state, problem.x[rows[rows >= 0]])
    held = rounded(y_hat, problem.dtype)
    return bool((held < smallest_normal(problem.dtype)).any() or (held == 1).any())


def outcomes(name: str, problems: list[Problem], *, fast: bool = False) -> list[Outcome]:
    """What `name` makes of each of `problems`; fast: many steps in one call, where it can."""
    if IMPLEMENTATIONS[name].by_hand:
        return [train_here(name, problem) for problem in problems]
    return train_all([name], problems, timeout=TIMEOUT, progress=silent, fast=fast)[name]


def campaign(seed: int, problems: int, everywhere: int, *, fast: bool = False) -> dict[tuple[str, str], Count]:
    """The counts by implementation and dtype."""
    counts: dict[tuple[str, str], Count] = {}
    drawn = any_problems(seed)
    done = 0
    while sum(count.trained for (name, _), count in counts.items() if name == PAIR[1]) < problems:
        several = list(islice(drawn, ROUND))
        for name in present(NAMES if done < everywhere else PAIR):
            chosen = several[: max(everywhere - done, 0)] if name not in PAIR else several
            for problem, outcome in zip(chosen, outcomes(name, chosen, fast=fast), strict=True):
                add(counts.setdefault((name, problem.dtype), Count()), problem, outcome)
        done += len(several)
        alarms = sum(count.alarms for count in counts.values())
        print(f"{done} problems, {alarms} alarms", file=sys.stderr, flush=True)
    return dict(sorted(counts.items(), key=lambda item: (NAMES.index(item[0][0]), item[0][1])))


def present(names: Iterable[str]) -> list[str]:
    """Those that are installed."""
    return [name for name in names if installed(name)]


def table(counts: dict[tuple[str, str], Count]) -> Iterator[str]:
    """One row per implementation and dtype."""
    columns = (
        "problems",
        "agree",
        "known deviation",
        "undone",
        "nothing told",
        "false alarms",
        "cannot express",
        "steps",
    )
    columns += ("elements compared", "not told", "worst ratio")
    yield f"| implementation | dtype | {' | '.join(columns)} |"
    yield "|---|---|" + "--:|" * len(columns)
    for (name, dtype), count in counts.items():
        numbers = [
            count.trained,
            count.agree,
            count.known,
            count.undone,
            count.blind,
            count.alarms,
            count.skipped.total(),
            count.steps,
        ]
        numbers += [count.compared, count.not_told]
        yield f"| {name} | {dtype} | " + " | ".join([*(f"{n:,}" for n in numbers), f"{count.worst:.2f}"]) + " |"


def reasons(counts: dict[tuple[str, str], Count]) -> Iterator[str]:
    """What could not be expressed and what deviates as is known, the most frequent first."""
    for title, which in (("cannot express", "skipped"), ("known", "texts")):
        both: Counter[str] = Counter()
        for (name, _), count in counts.items():
            both.update({f"{name}: {text}": number for text, number in getattr(count, which).items()})
        for text, number in both.most_common():
            yield f"- {title}, {number} problems: {text}"


def main() -> int:
    """Run the campaign and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problems", type=int, default=2000, help="problems that PyTorch trains (2000)")
    parser.add_argument("--everywhere", type=int, default=200, help="how many of the first drawn everywhere (200)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fast", action="store_true", help="many steps in one call where an implementation can")
    options = parser.parse_args()
    started = time.perf_counter()
    counts = campaign(options.seed, options.problems, options.everywhere, fast=options.fast)
    took = time.perf_counter() - started
    versions = ", ".join(f"{name} ({version(name)})" for name in present(NAMES))
    print(f"seed {options.seed}, {took:.0f} s: {versions}\n")
    print("\n".join(table(counts)), "\n")
    print("\n".join(reasons(counts)))
    messages = [message for count in counts.values() for message in count.messages]
    print("\n".join(messages))
    return 1 if messages else 0


if __name__ == "__main__":
    sys.exit(main())
