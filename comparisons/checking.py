"""Check a candidate: along the problem and from random states, the verdict, and which mistake it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from comparisons.audit import Observed, concluded, judge
from comparisons.blind_spots import unnoticed
from comparisons.candidates import Returned, State
from comparisons.diagnosis import diagnose_all
from comparisons.divergence import first_divergence
from comparisons.epochs import epoch_losses
from comparisons.evidence import Evidence
from comparisons.messages import memory_line
from comparisons.repeats import Repeat, remembered
from comparisons.tally import Tally
from comparisons.verdict import Audit, BlindSpots, Diagnosis, Divergence, Result, Verdict
from problems.problem import Array, Problem

LOOKED_AT = 12  # random states from which it is said what could not have been noticed
Run = Sequence[tuple[State, Returned]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Check:
    """What a check found.

    audit: steps along the problem first, random states after them, numbered on; along: how many are along the problem;
    steps: every state with what was returned; seed: that of the random states, None where there are
    none to draw; reason: why the run ended early or what spoils it; remembered: the quantities that came out
    otherwise when the same state was asked again; formless: whether nothing could be compared, since already
    the first call took or returned something else than a train_step does.
    """

    problem: Problem
    name: str
    verdict: Verdict
    audit: Audit | None
    diagnoses: tuple[Diagnosis, ...]
    along: int
    states: int
    seed: int | None
    reason: str | None = None
    formless: bool = False
    steps: Run = ()
    remembered: tuple[str, ...] = ()

    @cached_property
    def blind_spots(self) -> BlindSpots | None:
        """What could not have been noticed from the first random states; None where there are none or too large."""
        random = self.steps[self.along :]
        if not random:
            return None
        alike = [step for step in random if len(step[0].x) == len(random[0][0].x)][:LOOKED_AT]
        evidence = evidence_of(self.problem, alike)
        return unnoticed(self.problem, evidence.before, evidence.x, evidence.y)

    @property
    def result(self) -> Result:
        """The same as the result of an implementation."""
        losses = np.array([float(returned.loss) for _, returned in self.steps[: self.along]])
        last = self.steps[self.along - 1][1].parameters if self.along else {}
        return Result(
            name=self.name,
            verdict=self.verdict,
            reason=self.reason,
            audit=self.audit,
            diagnoses=self.diagnoses,
            epochs=epoch_losses(losses, self.problem.steps_per_epoch),
            final=last,
        )


def checked(
    problem: Problem,
    name: str,
    along: Run,
    random: Run,
    *,
    seed: int,
    again: Sequence[Repeat] = (),
    reason: str | None = None,
    crashed: bool = False,
) -> Check:
    """Judge what a candidate returned along the problem and from random states.

    again: states that were asked a second time, which are compared with the first time only, and counted nowhere;
    reason: why the candidate's run ended before its end, if it did; crashed: whether that was a crash.
    A candidate that remembers earlier calls is told so, and no mistake is looked for in what follows from that.
    """
    steps = [*along, *random]
    memory = remembered(problem, again)
    if memory:
        reason = "; ".join(filter(None, (reason, memory_line(memory))))
    audit = _audited(problem, steps, len(along), reason) if steps else None
    verdict = audit.verdict if audit else Verdict.CRASHED
    if crashed:
        verdict = Verdict.CRASHED
    comparable = [along[position] for position in audit.comparable(np.arange(len(along)))] if audit else []
    diagnoses = _diagnosed(problem, comparable, random) if audit and audit.wrong_steps and not memory else ()
    return Check(
        problem=problem,
        name=name,
        verdict=verdict,
        audit=audit,
        diagnoses=tuple(diagnoses),
        along=len(along),
        states=len(random),
        seed=seed,
        reason=reason,
        formless=not steps and not crashed,
        steps=steps,
        remembered=memory,
    )


def evidence_of(problem: Problem, steps: Run) -> Evidence:
    """Steps with equally many rows, stacked; gradients only where every step tells them."""
    told = all(returned.gradients is not None for _, returned in steps)
    names = problem.network.parameter_shapes
    return Evidence(
        problem=problem,
        before={name: np.stack([state.parameters[name] for state, _ in steps]) for name in names},
        after={name: np.stack([returned.parameters[name] for _, returned in steps]) for name in names},
        gradients={name: np.stack([r.gradients[name] for _, r in steps if r.gradients]) for name in names}
        if told
        else None,
        loss=np.stack([returned.loss for _, returned in steps]),
        x=np.stack([state.x for state, _ in steps]),
        y=np.stack([state.y for state, _ in steps]),
        learning_rate=np.array([state.learning_rate for state, _ in steps]).reshape(-1, 1, 1),
    )


def by_rows(steps: Run) -> Iterable[Array]:
    """Positions of the steps that use equally many rows."""
    rows = np.array([len(state.x) for state, _ in steps])
    return (np.flatnonzero(rows == count) for count in np.unique(rows))


def actual(evidence: Evidence) -> dict[str, Array]:
    """Quantity name to what was returned."""
    values = {"loss": evidence.loss}
    if evidence.gradients is not None:
        values |= {f"gradient.{name}": array for name, array in evidence.gradients.items()}
    return values | {f"parameter.{name}": array for name, array in evidence.after.items()}


def _divergence(problem: Problem, along: Run, numbers: int) -> Divergence | None:
    """From where on the candidate's own way along the problem cannot be compared; random states always can."""
    seen = [(p, evidence_of(problem, [along[position] for position in p])) for p in by_rows(along)]
    states = ((positions, one.before, one.x, one.y) for positions, one in seen)
    return first_divergence(problem, states, len(along), numbers)


def _audited(problem: Problem, steps: Run, along: int, reason: str | None) -> Audit:
    told = all(returned.gradients is not None for _, returned in steps)
    groups = ("gradient", "parameter") if told else ("parameter",)
    names = ["loss", *(f"{group}.{name}" for group in groups for name in problem.network.parameter_shapes)]
    tallies = {name: Tally(name, problem.dtype) for name in names}
    shapes = problem.network.parameter_shapes.values()
    numbers = 1 + len(groups) * sum(rows * columns for rows, columns in shapes)
    divergence = _divergence(problem, steps[:along], numbers)
    for every in by_rows(steps):
        positions = every if divergence is None else every[~divergence.covers(every)]
        if not len(positions):
            continue
        evidence = evidence_of(problem, [steps[position] for position in positions])
        values = {name: values for name, values in actual(evidence).items() if name in tallies}
        observed = Observed(
            problem=problem, positions=positions, before=evidence.before, x=evidence.x, y=evidence.y, actual=values
        )
        judge(observed, tallies, evidence.learning_rate)
    found = concluded(list(tallies.values()), problem.dtype, len(steps), [reason] if reason else [])
    return replace(found, divergence=divergence)


def _diagnosed(problem: Problem, along: Run, random: Run) -> list[Diagnosis]:
    """From the random states where they show anything; else from all, so that those that agree refute what they can."""
    return _explained(problem, random) or _explained(problem, [*along, *random])


def _explained(problem: Problem, steps: Run) -> list[Diagnosis]:
    return diagnose_all(evidence_of(problem, [steps[place] for place in places]) for places in by_rows(steps))
